"""`recbench audit`: what an attacker can do to one's own recommender."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from recbench.cli.plugins import installed
from recbench.cli.run import Attackers, Defenses, Device, Seeds, Threads
from recbench.errors import SuiteError


def audit(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            help="The recommender (./mine.py:MyModel or a name; none with --command) and the data (a file or a name).",
            metavar="[MODEL] DATA",
        ),
    ],
    command: Annotated[
        str | None,
        typer.Option("--command", help="In place of MODEL, for any language: './train.sh {train} {out}'."),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page to this file.")] = None,
    size: Annotated[float | None, typer.Option("--size", help="Fakes as a share of genuine users.")] = None,
    attacker: Attackers = None,
    defense: Defenses = None,
    seeds: Seeds = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder; by default runs/audit-MODEL-DATA.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Stages at once; by default one a core.")] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    rerun: Annotated[
        str,
        typer.Option(
            "--rerun",
            help="What of an earlier audit to compute again: never, missing, failed, stale or all. Files that a "
            "--command does not name are not looked at: after a change of these, all.",
        ),
    ] = "stale",
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Attack a recommender with the standard attacks, try the standard defenses, and say what came of it.

    Exit code 1: a part of it failed; the report has holes there.
    """
    from recbench.adapters import Command
    from recbench.auditing import audit_suite, audited
    from recbench.running import rerun_named

    if len(words) != (2 if command is None else 1):
        raise SuiteError(
            "an audit is of a recommender and its data: 'recbench audit ./mine.py:MyModel log.csv', or "
            "'recbench audit --command \"./train.sh {train} {out}\" log.csv'"
        )
    suite = audit_suite(words[-1], size, attacker or (), defense or (), seeds)
    wanted = rerun_named(rerun)
    model: object = words[0] if command is None else Command(command)
    try:
        report = audited(model, suite, installed(context), out, jobs, device, threads, wanted)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from there", err=True)
        raise typer.Exit(130) from None
    typer.echo(json.dumps(report.document(), indent=1) if as_json else str(report))
    if html is not None:
        report.write(html)
        typer.echo(f"the report is in {html}", err=True)
    typer.echo(f"records, logs and artifacts are in {report.results.folder}", err=True)
    raise typer.Exit(1 if report.failures else 0)
