"""`recbench board`: the tables of a run, made anew from its records."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from recbench.errors import DataError


def board(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", metavar="RUN")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the tables; by default RUN/tables.")] = None,
) -> None:
    """Make the tables of a run anew, from its records, with the environment that they come from."""
    from recbench.leaderboard import write_tables
    from recbench.matrix.run import ENVIRONMENT
    from recbench.results import Results

    results = Results.read(run)
    suite = results.suite
    if not results.records:
        raise DataError(f"{run} has no records yet; run the suite first")
    folder = out or run / "tables"
    try:
        typer.echo(write_tables(results.records, suite, folder))
        if (environment := run / ENVIRONMENT).is_file():
            shutil.copyfile(environment, folder / ENVIRONMENT)
    except OSError as error:
        raise DataError(f"tables cannot be written to {folder}: {error.strerror}; name another --out") from error
    if stale := sum(cell["stale"] for cell in results.cells):
        typer.echo(f"warning: {stale} cells are of another build; 'recbench run --rerun stale' mends it", err=True)
    typer.echo(f"\ntables of {len(results.records)} of {len(results)} cells are in {folder}")
