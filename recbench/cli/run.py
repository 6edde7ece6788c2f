"""`recbench plan` and `recbench run`: a suite, without and with computing it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tabulate import tabulate

from recbench.cli.plugins import installed
from recbench.errors import SuiteError, suggestion

if TYPE_CHECKING:
    from recbench.matrix.run import Start, Summary
    from recbench.matrix.suite import Suite
    from recbench.store import Store

EXECUTORS = ("local", "ray")
REASONS = 20
"""How many reasons of failure are listed; all of them are in the records."""

SuiteName = Annotated[str, typer.Argument(help="A suite's name, or the path of its .toml file.", metavar="SUITE")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run; by default runs/SUITE.")]
Datasets = Annotated[
    list[str] | None, typer.Option("--dataset", help="In place of the suite's: name, glob or file; repeatable.")
]
Recommenders = Annotated[
    list[str] | None, typer.Option("--recommender", help="Name, glob, NAME[dim=64] or FILE.py:CLASS; repeatable.")
]
Attackers = Annotated[
    list[str] | None, typer.Option("--attacker", help="Likewise, or a file of profiles (.npz); repeatable.")
]
Defenses = Annotated[list[str] | None, typer.Option("--defense", help="Likewise; repeatable.")]
Seeds = Annotated[int | None, typer.Option("--seeds", help="How many split seeds.")]
Sizes = Annotated[
    list[float] | None,
    typer.Option(
        "--size",
        help="Fakes as a share of genuine users; of an attack on a trained victim, the share of a row's length or of a"
        " history that it may change. Repeatable.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="A torch device.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of each stage.")]


def plan(
    context: typer.Context,
    suite: SuiteName,
    out: Out = None,
    dataset: Datasets = None,
    recommender: Recommenders = None,
    attacker: Attackers = None,
    defense: Defenses = None,
    seeds: Seeds = None,
    size: Sizes = None,
    device: Device = "cpu",
    threads: Threads = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The whole plan, as JSON.")] = False,
) -> None:
    """Say what a run would compute: cells, stages, what is cached and what is skipped and why."""
    from recbench.matrix.plan import KINDS, stored
    from recbench.matrix.prices import known, price
    from recbench.running import planned

    asked = _suite(suite, dataset, recommender, attacker, defense, seeds, size)
    made, store = planned(asked, out, installed(context), device, threads)
    stages = made.stages()
    found = stored(stages, store)
    at_hand = Counter(stage.kind for stage in stages if stage in found)
    if as_json:
        typer.echo(json.dumps(made.document() | {"cached": dict(at_hand)}, indent=1))
        return
    states = Counter(made.state(cell, store.read_record(cell.id)) for cell in made.runnable)
    typer.echo(f"suite {asked.name}, version {asked.version}: {len(made.cells)} cells")
    typer.echo(f"  {', '.join(f'{count} {state}' for state, count in sorted(states.items())) or 'none can be run'}")
    count_of = Counter(stage.kind for stage in stages)
    for kind in (kind for kind in KINDS if count_of[kind]):
        typer.echo(f"  {kind:9} {count_of[kind]:5} stages, {at_hand[kind]} cached")
    cost = price((stage for stage in stages if stage not in found), known(store))
    if cost.priced:
        typer.echo(
            f"  price     {cost.cpu_seconds / 60:.1f} CPU minutes, by what {cost.priced} of the stages cost before"
        )
    if cost.unknown:
        more = f" and {len(cost.unknown) - REASONS} more" if len(cost.unknown) > REASONS else ""
        typer.echo(f"  unpriced  nothing has run {', '.join(cost.unknown[:REASONS])}{more}")
    for word, reasons in (("skipped", made.skipped), ("broken", made.broken)):
        for reason, count in Counter(reasons.values()).most_common():
            typer.echo(f"  {word:9} {count:5} cells: {reason}")


def run(
    context: typer.Context,
    suite: SuiteName,
    out: Out = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Stages at once; by default one a core.")] = None,
    dataset: Datasets = None,
    recommender: Recommenders = None,
    attacker: Attackers = None,
    defense: Defenses = None,
    seeds: Seeds = None,
    size: Sizes = None,
    rerun: Annotated[
        str, typer.Option("--rerun", help="What to compute again: never, missing, failed, stale or all.")
    ] = "missing",
    device: Device = "cpu",
    threads: Threads = 1,
    executor: Annotated[str, typer.Option("--executor", help="Where stages run: 'local', or 'ray'.")] = "local",
    address: Annotated[
        str | None, typer.Option("--address", help="Of the Ray cluster; by default one is started here.")
    ] = None,
    gpus: Annotated[
        float | None, typer.Option("--gpus", min=0, help="With Ray: what share of a GPU a stage takes up.")
    ] = None,
    share: Annotated[
        str | None,
        typer.Option("--share", help="With Ray: a URL of fsspec, where machines have no path in common for the run."),
    ] = None,
    profiled: Annotated[
        bool, typer.Option("--profile", help="Say where the time went, by stage and plugin, and what sharing spared.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Events as they happen, one JSON object a line.")] = False,
) -> None:
    """Run a suite, or what is missing of it, and write its tables."""
    from recbench.matrix.progress import JsonProgress
    from recbench.running import computed, planned, rerun_named

    wanted = rerun_named(rerun)
    start = _executor(executor, address, threads, gpus, device, share)
    events = JsonProgress(sys.stdout) if as_json else None
    # Modules of the user's own, which planning imports, may print; events must stay alone.
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        asked = _suite(suite, dataset, recommender, attacker, defense, seeds, size)
        made, store = planned(asked, out, installed(context), device, threads)
        try:
            summary, tables = computed(made, store, jobs, wanted, events, start)
        except KeyboardInterrupt:
            typer.echo(f"interrupted; {_resume(store)}", err=True)
            raise typer.Exit(130) from None
    if events is not None:
        if profiled:
            events.write("profile", {"lines": _profile(summary)})
        events.write("summary", _outcome(summary))
    else:
        typer.echo(tables)
        if profiled:
            typer.echo(f"\n{_profile_table(summary)}\n")
        _report(summary, store)
    raise typer.Exit(summary.exit_code)


def _executor(
    name: str, address: str | None, threads: int, gpus: float | None, device: str, share: str | None
) -> Start:
    """What makes the executor of that name.

    Raises:
        SuiteError: there is none, or options of Ray are given to another one.
    """
    if name not in EXECUTORS:
        raise SuiteError(f"executor {name}: no such executor{suggestion(name, EXECUTORS)}")
    if name == "local":
        if any(option is not None for option in (address, gpus, share)):
            raise SuiteError("--address, --gpus and --share are for Ray's cluster; add '--executor ray'")
        from recbench.matrix.run import on_this_machine

        return on_this_machine
    from recbench.execution.cluster import RayExecutor

    fraction = gpus if gpus is not None else float(device.startswith("cuda"))
    return partial(RayExecutor, address=address, cpus=float(threads), gpus=fraction, share=share)


def _suite(
    name: str,
    datasets: list[str] | None,
    recommenders: list[str] | None,
    attackers: list[str] | None,
    defenses: list[str] | None,
    seeds: int | None,
    sizes: list[float] | None,
) -> Suite:
    from recbench.matrix.suite import load_suite

    return load_suite(name).override(
        datasets or (), recommenders or (), attackers or (), defenses or (), seeds, sizes or ()
    )


def _resume(store: Store) -> str:
    return f"the same command goes on from {store.root}"


def _outcome(summary: Summary) -> dict[str, Any]:
    return {
        "cells": summary.cells,
        "statuses": dict(Counter(record["status"] for record in summary.records)),
        "stages_computed": summary.computed,
        "stale": summary.stale,
        "exit_code": summary.exit_code,
    }


def _profile(summary: Summary) -> list[dict[str, Any]]:
    from recbench.matrix.profile import profile

    return [asdict(line) | {"spared": line.spared} for line in profile(summary.records)]


def _profile_table(summary: Summary) -> str:
    """CPU seconds of the distinct stages, and what they would be if every cell ran alone."""
    from recbench.matrix.profile import Line, profile, total

    lines = profile(summary.records)
    whole = total(lines)

    def row(line: Line) -> list[str]:
        share = line.cpu_seconds / whole.cpu_seconds if whole.cpu_seconds else 0.0
        seconds = [f"{each:.1f}" for each in (line.wall_seconds, line.cpu_seconds, line.alone_cpu_seconds)]
        counts = [str(line.stages), str(line.uses)]
        return [line.stage, line.plugins, *counts, *seconds, f"{100 * share:.0f}%", f"{100 * line.spared:.0f}%"]

    headers = ("stage", "plugins", "stages", "uses", "wall s", "CPU s", "CPU s alone", "share", "spared")
    align = ["left", "left", *["right"] * (len(headers) - 2)]
    rows = [row(line) for line in (*lines, whole)]
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=align)


def _report(summary: Summary, store: Store) -> None:
    """Counts, failures with their logs, and where the files are."""
    counts = Counter(record["status"] for record in summary.records)
    words = [f"{count} {status}" for status, count in counts.most_common()]
    if summary.absent:
        words.append(f"{len(summary.absent)} not computed")
    typer.echo(f"{summary.cells} cells: {', '.join(words)}; {summary.computed} stages computed")
    causes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record in summary.failed:
        causes.setdefault(tuple(record[key] for key in ("status", "stage", "reason")), []).append(record)
    for (status, stage, reason), records in list(causes.items())[:REASONS]:
        question, log = records[0]["question"], records[0]["log"]
        names = " × ".join(question[axis]["name"] for axis in ("recommender", "attacker", "defense"))
        where = f"{names} on {question['dataset']}, seed {question['seed']}"
        more = f" and {len(records) - 1} more" if len(records) > 1 else ""
        typer.echo(
            f"  {status} in {stage}: {where}{more}: {reason}" + (f" ({store.root / log})" if log else ""), err=True
        )
    if len(causes) > REASONS:
        typer.echo(f"  and {len(causes) - REASONS} other reasons; see the records", err=True)
    if summary.failed:
        typer.echo("--rerun failed tries them again", err=True)
    if summary.stale:
        typer.echo(f"{summary.stale} cells were computed by another build; --rerun stale computes them anew", err=True)
    typer.echo(f"records, logs and artifacts are in {store.root}")
