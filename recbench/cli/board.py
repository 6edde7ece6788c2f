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
    from pydantic import ValidationError

    from recbench.leaderboard import write_tables
    from recbench.matrix.plan import PLAN
    from recbench.matrix.run import ENVIRONMENT
    from recbench.matrix.suite import Suite
    from recbench.store import Store

    store = Store(run)
    plan = store.read_document(PLAN)
    if plan is None:
        raise DataError(f"{run} holds no readable {PLAN}; name the folder that 'recbench run' wrote")
    try:
        suite = Suite.model_validate(plan["suite"])
    except (KeyError, ValidationError) as error:
        raise DataError(f"{run / PLAN} holds no suite of this version of recbench; run the suite again") from error
    builds = {cell["cell_id"]: cell["build_id"] for cell in plan["cells"]}
    records = [record for cell_id in builds if (record := store.read_record(cell_id)) is not None]
    if not records:
        raise DataError(f"{run} has no records yet; run the suite first")
    folder = out or run / "tables"
    try:
        typer.echo(write_tables(records, suite, folder))
        if (environment := run / ENVIRONMENT).is_file():
            shutil.copyfile(environment, folder / ENVIRONMENT)
    except OSError as error:
        raise DataError(f"tables cannot be written to {folder}: {error.strerror}; name another --out") from error
    if stale := sum(record["build_id"] != builds[record["cell_id"]] for record in records):
        typer.echo(f"warning: {stale} cells are of another build; 'recbench run --rerun stale' mends it", err=True)
    typer.echo(f"\ntables of {len(records)} of {len(builds)} cells are in {folder}")
