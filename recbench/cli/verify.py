"""`recbench verify`: how far a submission can be believed. It is parsed, never executed, imported or unpickled."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli.plugins import installed
from recbench.errors import DataError

if TYPE_CHECKING:
    from recbench.submission.verify import Badge, Report

LEVELS: tuple[Badge, ...] = ("reported", "recomputed")


def verify(
    context: typer.Context,
    bundle: Annotated[Path, typer.Argument(help="A file that 'recbench submit' wrote.", metavar="BUNDLE")],
    level: Annotated[
        str, typer.Option("--level", help="How far to go without running anything: reported or recomputed.")
    ] = "recomputed",
    rerun: Annotated[int, typer.Option("--rerun", min=0, help="Run so many cells again.", metavar="N")] = 0,
    nonce: Annotated[
        str, typer.Option("--nonce", help="Picks the cells to run again; choose it after you have the bundle.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object.")] = False,
    challenge: Annotated[
        str | None,
        typer.Option("--challenge", help="BUNDLE is a file of profiles: try it on this suite.", metavar="SUITE"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the challenge's run.", metavar="DIR")] = None,
) -> None:
    """Check a submission and print the badge that it has earned. Exits with 1 if it is refused, or falls short.

    reported: whole, valid, complete. recomputed: its metrics follow from its lists and profiles on your copy of the
    data. reproduced: the cells that your nonce picks come out the same with what you have installed.
    """
    from recbench.submission.verify import verify as verified

    if challenge is not None:
        if beside := _given(level=level != "recomputed", rerun=rerun, nonce=nonce, json=as_json):
            raise DataError(
                f"{beside}: not for --challenge, which runs the profiles and prints its tables; leave it out"
            )
        _challenge(context, bundle, challenge, out)
        return
    if out is not None:
        raise DataError("--out is the folder of a challenge's run; give --challenge SUITE, or leave it out")
    if level not in LEVELS:
        raise DataError(f"--level {level}: no such level; {' or '.join(LEVELS)}; --rerun goes beyond them")
    wanted: Badge = "reproduced" if rerun or nonce else LEVELS[LEVELS.index(level)]
    report = verified(bundle, lambda: installed(context), wanted, rerun, nonce)
    typer.echo(json.dumps(dataclasses.asdict(report), indent=1) if as_json else _text(report))
    if report.badge != wanted:
        raise typer.Exit(1)


def _given(**options: object) -> str:
    """The options that are set, as they are written."""
    return ", ".join(f"--{name}" for name, value in options.items() if value)


def _text(report: Report) -> str:
    from recbench.leaderboard.render import plain

    lines = [f"{plain(report.bundle)}: {report.badge}"]
    if report.cells:
        lines += [
            f"  {plain(report.name)}; suite {plain(report.suite)}; {report.cells} cells, {report.ok} of them ok",
            f"  manifest {report.fingerprint}",
        ]
    if report.notes:
        lines.append(f"  notes: {plain(report.notes)}")
    if report.recomputed:
        lines.append(f"  {report.recomputed} of {report.ok} ok cells recomputed from their lists and profiles")
    lines += [f"  run again {cell}: {plain(outcome)}" for cell, outcome in report.reproduced.items()]
    lines += [f"  remark: {plain(remark)}" for remark in report.remarks]
    said = Counter(str(refusal) for refusal in report.refusals)
    return "\n".join([*lines, *(f"  refused: {plain(refusal)}" for refusal in said)])


def _challenge(context: typer.Context, profiles: Path, name: str, out: Path | None) -> None:
    from recbench.component import component_name
    from recbench.matrix.suite import load_suite
    from recbench.submission.challenge import challenge

    suite = load_suite(name)
    folder = out or Path("runs") / f"{suite.name}-{component_name(profiles.stem)}"
    typer.echo(challenge(profiles, suite, installed(context), folder, None))
    typer.echo(f"\nthe profiles are within the budget; the run is in {folder}")
