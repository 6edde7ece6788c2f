"""`recbench board`: the tables of a run, made anew from its records, and the site of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli.plugins import installed
from recbench.errors import DataError, RecbenchError

if TYPE_CHECKING:
    from recbench.plugins import Plugins
    from recbench.results import Results
    from recbench.throughput.report import Report


def board(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="The folder of a run, or of tables made from one.", metavar="RUN")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the tables; by default RUN/tables.")] = None,
    site: Annotated[bool, typer.Option("--site", help="Also make OUT/site, to be opened in a browser.")] = False,
    throughput: Annotated[
        list[Path] | None,
        typer.Option("--throughput", help="A file of 'recbench time', shown too; by default RUN/throughput.json."),
    ] = None,
) -> None:
    """Make the tables of a run anew, from its records, with the environment that they come from."""
    from recbench.leaderboard import write_tables
    from recbench.leaderboard.published import read_published
    from recbench.leaderboard.timed import reports_of
    from recbench.leaderboard.write import SUITE
    from recbench.matrix.plan import PLAN
    from recbench.matrix.run import ENVIRONMENT
    from recbench.results import Results
    from recbench.throughput.report import Report

    reports = [Report.read(path) for path in throughput] if throughput else reports_of(run)
    if not (run / PLAN).exists() and (run / SUITE).exists():
        if site or out is None:
            raise DataError(f"{run} holds tables, not a run: they can be made anew into --out, and a site cannot")
        suite, records = read_published(run)
        typer.echo(write_tables(records, suite, out, reports))
        return
    results = Results.read(run)
    suite = results.suite
    if not results.records:
        raise DataError(f"{run} has no records yet; run the suite first")
    folder = out or run / "tables"
    try:
        typer.echo(write_tables(results.records, suite, folder, reports, results.absent))
        if (environment := run / ENVIRONMENT).is_file():
            shutil.copyfile(environment, folder / ENVIRONMENT)
        if site:
            _site(results, installed(context), folder / "site", reports)
    except OSError as error:
        raise DataError(f"tables cannot be written to {folder}: {error.strerror}; name another --out") from error
    if stale := sum(cell["stale"] for cell in results.cells):
        typer.echo(f"warning: {stale} cells are of another build; 'recbench run --rerun stale' mends it", err=True)
    typer.echo(f"\ntables of {len(results.records)} of {len(results)} cells are in {folder}")
    if site:
        typer.echo(f"open {folder / 'site' / 'index.html'} in a browser")


def _site(results: Results, plugins: Plugins, folder: Path, reports: Sequence[Report]) -> None:
    """The site, with the explanations that the store holds where the run can still be planned."""
    from recbench.leaderboard.site import write_site
    from recbench.leaderboard.site.explained import stored_explanations
    from recbench.matrix.identity import Circumstances
    from recbench.matrix.plan import Plan
    from recbench.matrix.run import ENVIRONMENT
    from recbench.store import Store

    store = Store(results.folder)
    environment = store.read_document(ENVIRONMENT) or {}
    circumstances = Circumstances(environment.get("device", "cpu"), environment.get("threads", 1))
    try:
        explanations = stored_explanations(Plan.of(results.suite, plugins, circumstances, results.plan), store)
    except RecbenchError as error:
        typer.echo(f"warning: the site explains no attack: {error}", err=True)
        explanations = {}
    write_site(
        results.records,
        results.suite,
        folder,
        store=store,
        environment=environment,
        installed=plugins.components(),
        explanations=explanations,
        reports=reports,
        absent=results.absent,
    )
