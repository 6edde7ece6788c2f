"""`recbench tune`: hyper-parameters of recommenders, chosen on validation data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli.plugins import installed
from recbench.cli.run import Device, Threads

if TYPE_CHECKING:
    from recbench.tuning.search import Search, Tried


def tune(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            help="Recommenders: NAME searches all of its parameters, NAME[dim=64] fixes one, NAME[dim=32|64] offers "
            "values.",
            metavar="NAME...",
        ),
    ],
    dataset: Annotated[str, typer.Option("--dataset", help="A data set, or a file of interactions.")],
    suite: Annotated[str, typer.Option("--suite", help="Whose split, track and limits hold.")] = "quick",
    trials: Annotated[int, typer.Option("--trials", min=1, help="Of each recommender, its defaults first.")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The split seed.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="The suite file to write; by default SUITE-DATASET.toml.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Recommenders at once; by default one a core.")
    ] = None,
    device: Device = "cpu",
    threads: Threads = 1,
) -> None:
    """Search the parameters of recommenders on validation data, as many trials for each, and write them as a suite.

    Exit code 1: a recommender for which every trial failed; 3: all of them.
    """
    from recbench.adapters.extras import from_extra

    for module in ("optuna", "tomli_w"):
        from_extra("tune", module)
    from recbench.matrix.identity import Circumstances
    from recbench.matrix.suite import load_suite
    from recbench.running import check_device
    from recbench.tuning.search import search
    from recbench.tuning.space import spaces
    from recbench.tuning.write import check_free, trials_beside, write

    asked = load_suite(suite).override([dataset])
    file = out or Path(f"{asked.name}-{Path(dataset).stem}.toml")
    check_free(file)
    check_device(device)
    plugins = installed(context)
    chosen = [space for name in names for space in spaces(plugins, name)]
    searches = search(
        asked, chosen, plugins, trials, seed, jobs or os.cpu_count() or 1, Circumstances(device, threads), _say
    )
    found = [each for each in searches if each.best is not None]
    if not found:
        typer.echo("every trial failed; nothing was written", err=True)
        raise typer.Exit(3)
    write(asked, searches, trials, seed, file)
    for each in searches:
        typer.echo(_summary(each))
    typer.echo(f"the suite is in {file}, its trials in {trials_beside(file)}; 'recbench run {file}' runs it")
    raise typer.Exit(int(len(found) < len(searches)))


def _say(search: Search, tried: Tried) -> None:
    """One line as a trial ends."""
    from recbench.tuning.write import shown

    became = f"{search.measure} {shown(tried.quality)}" if tried.quality is not None else tried.reason
    number = len(search.tried)
    typer.echo(
        f"trial {number}: {search.space.reference(tried.values)}: {became}, {tried.cpu_seconds:.1f} CPU s", err=True
    )


def _summary(search: Search) -> str:
    from recbench.tuning.write import shown

    if search.best is None:
        return f"{search.space.name}: every trial failed: {search.tried[0].reason}"
    found = f"{search.measure} {shown(search.best.quality)} on validation, defaults {shown(search.tried[0].quality)}"
    return f"{search.space.reference(search.best.values)}: {found}"
