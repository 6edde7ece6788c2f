"""`recbench plugins`: what is installed and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from tabulate import tabulate

from recbench.component import KINDS, Component, Kind
from recbench.errors import PluginError, suggestion
from recbench.plugins import PluginRow, Plugins


def installed(context: typer.Context) -> Plugins:
    """The plugins as the global options want them, with one line on stderr for each that is broken."""
    plugins: Plugins = context.obj()
    for complaint in plugins.complaints():
        typer.echo(f"warning: {complaint}", err=True)
    return plugins


def plugins(
    context: typer.Context,
    kind: Annotated[str | None, typer.Argument(help=f"Only this kind: {', '.join(KINDS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="The plugins too, and what attackers serve.")
    ] = False,
) -> None:
    """List data sets, recommenders, attackers, defenses and metrics."""
    found: Plugins = context.obj()
    components = found.components(_kind(kind))
    if as_json:
        document = {
            "plugins": [_row(row) for row in found.rows],
            "components": [_component(found, each) for each in components],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    table = [(each.kind, each.name, each.family, found.provider(each), each.summary) for each in components]
    typer.echo(_table(table, ("kind", "name", "family", "plugin", "summary")))
    attackers = [each for each in components if each.kind == "attacker"]
    if verbose and attackers:
        threats = [(each.name, *map(_words, (each.knowledge, each.goals, each.feedback))) for each in attackers]
        typer.echo("\n" + _table(threats, ("attacker", "knowledge", "goals", "feedback")))
    if verbose or any(row.status != "active" for row in found.rows):
        rows = [(row.name, f"{row.distribution} {row.version}", row.status, row.reason) for row in found.rows]
        typer.echo("\n" + _table(rows, ("plugin", "distribution", "status", "reason")))


def _kind(word: str | None) -> Kind | None:
    for kind in KINDS:
        if word == kind:
            return kind
    if word is not None:
        raise PluginError(f"unknown kind '{word}'{suggestion(word, KINDS)}")
    return None


def _table(rows: Iterable[tuple[str, ...]], headers: tuple[str, ...]) -> str:
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True)


def _row(row: PluginRow) -> dict[str, str]:
    return {name: getattr(row, name) for name in ("name", "distribution", "version", "status", "reason")}


def _words(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _component(found: Plugins, component: Component) -> dict[str, Any]:
    record = asdict(component) | {"plugin": found.provider(component)}
    if component.kind != "attacker":  # what the others cannot be asked
        del record["goals"], record["feedback"]
    if component.kind != "defense":
        del record["detects"]
    return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in record.items()}
