"""`recbench submit`: a finished run as one file that others can check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recbench.cli.plugins import installed
from recbench.cli.results import RunFolder, latest_run


def submit(
    context: typer.Context,
    run: RunFolder = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The bundle; by default SUITE-VERSION.zip.", metavar="FILE.zip")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="How the submission is listed.")] = "",
    notes: Annotated[str, typer.Option("--notes", help="What readers ought to know; plain text.")] = "",
) -> None:
    """Pack a finished run: records, environment, and the lists and profiles behind its metrics; not the data."""
    from recbench.errors import DataError
    from recbench.results import Results
    from recbench.submission.pack import pack

    folder = run or latest_run()
    suite = Results.read(folder).suite
    bundle = out or Path(f"{suite.name}-{suite.version}.zip")
    if bundle.suffix != ".zip":
        raise DataError(f"--out {bundle}: a bundle is a .zip file; name one")
    cells = pack(folder, bundle, installed(context), name, notes)
    typer.echo(f"{cells} cells of {folder} are in {bundle}, {bundle.stat().st_size:,} bytes")
    typer.echo(f"see what others will see: recbench verify {bundle}")
