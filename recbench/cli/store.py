"""`recbench store`: whether what a run has kept is whole, and removing what nothing needs any more."""

from __future__ import annotations

from typing import Annotated

import typer

from recbench.cli.plugins import installed
from recbench.cli.results import RunFolder, latest_run
from recbench.errors import RecbenchError

store_app = typer.Typer(help="Check what a run has kept, or clear it up.", no_args_is_help=True)


@store_app.command()
def check(context: typer.Context, run: RunFolder = None) -> None:
    """Hash every artifact and record anew; list what is corrupt, missing or orphaned. Exits with 1 if anything is."""
    from recbench.results import Results
    from recbench.store import Store
    from recbench.upkeep import missing, orphans

    store = Store(Results.read(run or latest_run()).folder)
    problems = [f"corrupt: {problem}" for problem in store.check()]
    problems += [f"missing: {problem}" for problem in missing(store)]
    sound = "all whole"
    try:
        keys = orphans(store, installed(context))
        problems += [f"orphaned: artifact '{key}'; 'recbench store gc {store.root}' removes it" for key in keys]
        sound = "all whole, all needed"
    except RecbenchError as error:  # the rest is told all the same
        typer.echo(f"warning: what is orphaned cannot be told: {error}", err=True)
    for problem in problems:
        typer.echo(problem)
    typer.echo(
        f"{len(store.artifact_keys())} artifacts and {len(store.records())} records in {store.root}: "
        f"{f'{len(problems)} problems' if problems else sound}"
    )
    if problems:
        raise typer.Exit(1)


@store_app.command()
def gc(
    context: typer.Context,
    run: RunFolder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove artifacts that no record and no plan needs, their logs, and what killed runs left half-written."""
    from recbench.store import Store
    from recbench.upkeep import clear_up

    store = Store(run or latest_run())
    paths, freed = clear_up(store, installed(context), dry_run=dry_run)
    for path in paths:
        typer.echo(str(path))
    typer.echo(f"{'would remove' if dry_run else 'removed'} {len(paths)} artifacts and files, {freed:,} bytes")
