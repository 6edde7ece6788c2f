"""`recbench compare`: what changed between two runs of a suite, or between published tables of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tabulate import tabulate

from recbench.errors import DataError

if TYPE_CHECKING:
    from recbench.leaderboard.compare import Cell, Comparison, Difference

SHOWN = 20
"""How many cells are listed of those that say the same thing; --json has all."""

Side = typer.Argument(help="A run, a folder of tables, or a cells.parquet or cells.csv.")


def compare(
    before: Annotated[Path, Side],
    after: Annotated[Path, Side],
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
) -> None:
    """Say what became worse or better from BEFORE to AFTER: statuses, then numbers beyond the noise, then what is new.

    The exit code is 1 where a cell is no longer ok, a utility fell or an attack does more, by more than both the A/A
    floor and the 95% interval allow for; 0 where nothing did; 2 where the two cannot be compared.
    """
    from recbench.leaderboard.compare import compare as compared

    (old_suite, old), (new_suite, new) = _read(before), _read(after)
    if old_suite and new_suite and old_suite != new_suite:
        names = " and ".join(f"'{name}' version {version}" for name, version in (old_suite, new_suite))
        raise DataError(f"numbers compare only inside one version of a suite; these are of {names}")
    found = compared(old, new)
    if not found.shared:
        raise DataError(f"{before} and {after} have no cell in common; compare runs of one suite")
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"worse": found.worse}, indent=1))
    else:
        typer.echo("\n".join(_lines(found)))
    if found.worse:
        raise typer.Exit(1)


def _read(path: Path) -> tuple[tuple[str, str] | None, list[dict[str, Any]]]:
    """Name and version of the suite, where the source says, and the rows of its cells."""
    from recbench.leaderboard.cells import cell_columns
    from recbench.leaderboard.published import read_rows, read_suite
    from recbench.leaderboard.write import CELLS
    from recbench.matrix.plan import PLAN
    from recbench.results import Results

    if path.is_file():
        return None, read_rows(path)
    if (path / PLAN).exists():
        results = Results.read(path)
        suite = results.suite
        rows = cell_columns(results.records)[1]
    else:
        suite, rows = read_suite(path), read_rows(path / CELLS)
    return (suite.name, suite.version), rows


def _lines(found: Comparison) -> Iterator[str]:
    yield f"{found.shared} cells in common, {found.equal} of them ok with the very same numbers."
    if found.changes:
        yield from ("", "STATUS", "")
        for change in found.changes:
            reason = f": {change.reason}" if change.reason else ""
            verdict = "worse" if change.worse else "better" if change.after == "ok" else "other"
            yield _plain(f"{verdict:6}  {_named(change.cell)}: {change.before} → {change.after}{reason}")
    if found.differences:
        yield from ("", "BEYOND THE NOISE", "", _table(found.differences))
    yield ""
    yield (
        f"{len(found.differences)} of {found.compared} numbers differ by more than the A/A floor and their 95% interval"
        " allow for. A 95% interval misses 1 time in 20."
    )
    if found.unrepeatable:
        yield from _listed("not repeatable: the same build, and other numbers", found.unrepeatable)
    yield from _listed("only BEFORE has", found.only_before)
    yield from _listed("only AFTER has", found.only_after)


def _table(differences: Sequence[Difference]) -> str:
    rows = [
        [
            "worse" if each.worse else "better",
            _plain(each.place),
            each.metric,
            f"{each.before:.3f}",
            f"{each.after:.3f}",
            f"{each.difference:+.3f}",
            "n/a" if each.low is None else f"[{each.low:+.3f}, {each.high:+.3f}]",
            f"{each.floor:.3f}",
            str(each.units),
        ]
        for each in differences
    ]
    headings = ["", "cells", "number", "before", "after", "difference", "95% interval", "A/A floor", "units"]
    sides = ("left", "left", "left", *["right"] * 6)
    return tabulate(rows, headings, tablefmt="simple", disable_numparse=True, colalign=sides)


def _listed(title: str, cells: Sequence[Cell]) -> Iterator[str]:
    if not cells:
        return
    yield from ("", f"{len(cells)} cells, {title}:")
    for cell in cells[:SHOWN]:
        yield _plain(f"  {_named(cell)}")
    if len(cells) > SHOWN:
        yield f"  and {len(cells) - SHOWN} more"


def _named(cell: Cell) -> str:
    twin = ", A/A twin" if cell.replica else ""
    return f"{cell.place}, seed {cell.seed}, group {cell.group}{twin} ({cell.cell_id})"


def _plain(text: str) -> str:
    from recbench.leaderboard.render import plain

    return plain(text)
