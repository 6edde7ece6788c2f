"""`recbench check`: whether a component does what it claims."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from recbench.cli.plugins import installed

if TYPE_CHECKING:
    from recbench.conformance import Outcome

SIGNS = {"passed": "ok  ", "failed": "FAIL", "not applicable": "-   "}


def check(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="NAME, KIND:NAME or FILE.py:CLASS; [dim=8] sets parameters.")],
    kind: Annotated[str | None, typer.Argument(help="Where the name or the file leaves the kind open.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Outcomes with the mistakes they guard against.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Checks at once; by default one a core.")] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="How long one check may take.")] = 300.0,
) -> None:
    """Check that a recommender, attacker, defense, data set or metric does what it claims.

    Exit code 1: a check failed, or none could be tried.
    """
    from recbench.conformance.isolated import outcomes
    from recbench.conformance.subjects import find

    subject = find(installed(context), reference, kind)
    found = []
    for outcome in outcomes(subject, jobs or os.cpu_count() or 1, seconds):
        found.append(outcome)
        if not as_json:
            typer.echo(_line(outcome))
    counts = Counter(outcome.status for outcome in found)
    ok = counts["passed"] > 0 and not counts["failed"]
    component = subject.component
    if as_json:
        checks = [_record(outcome) for outcome in found]
        typer.echo(json.dumps({"kind": component.kind, "name": component.name, "ok": ok, "checks": checks}, indent=1))
    else:
        words = ", ".join(f"{count} {status}" for status, count in counts.items())
        nothing = "" if counts["passed"] else "; no check could be tried, which counts as failed"
        typer.echo(f"{component.kind} '{component.name}': {words or 'no checks'}{nothing}")
    raise typer.Exit(0 if ok else 1)


def _line(outcome: Outcome) -> str:
    return f"{SIGNS[outcome.status]} {outcome.check.name}" + (f": {outcome.reason}" if outcome.reason else "")


def _record(outcome: Outcome) -> dict[str, object]:
    check = asdict(outcome.check)
    return {key: check[key] for key in ("name", "why", "guards")} | {
        "status": outcome.status,
        "reason": outcome.reason,
    }
