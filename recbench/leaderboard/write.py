"""`write_tables`: the boards and the cells behind them, as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recbench.leaderboard.boards import boards
from recbench.leaderboard.foot import common_foot
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.render import as_csv, as_list, as_markdown, as_text, plain, rows_csv
from recbench.matrix.suite import Suite
from recbench.store.files import write_file

ABOUT_CELL = ("cell_id", "build_id", "status", "stage", "reason")


def write_tables(records: list[dict[str, Any]], suite: Suite, folder: Path) -> str:
    """Make leaderboards of a suite's cell records.

    Writes `recommenders`, `attackers` and `defenses`, each as `.txt`, `.md` and `.csv`, all three as
    `README.md`, and the cells as `cells.csv`. The order of the records does not matter.

    Args:
        records: of the suite's cells, whatever became of them; what is absent counts as not ok.
        suite: says which cells there ought to be.
        folder: where the files go; made if need be.

    Returns:
        The text to print. Without records it says so, and no file is written.
    """
    if not records:
        return "no cells, so no tables: run the suite first"
    grid = Grid(suite, sorted(records, key=_order))
    made, common = boards(grid), common_foot(grid)
    title = f"Suite {suite.name}, version {suite.version}"
    files = {"cells.csv": _cells(grid)}
    for board in made:
        files |= {
            f"{board.name}.txt": as_text(board) + "\n".join(map(plain, common)) + "\n",
            f"{board.name}.md": f"{as_markdown(board)}\n{as_list('All boards', common)}",
            f"{board.name}.csv": rows_csv(board),
        }
    sections = [f"# {title}\n", *map(as_markdown, made), as_list("All boards", common)]
    files["README.md"] = "\n".join(sections)
    for name, content in files.items():
        write_file(folder / name, content.encode())
    return "\n".join([f"{title}\n", *map(as_text, made), *map(plain, common)])


def _order(record: Mapping[str, Any]) -> tuple[Any, ...]:
    question = record["question"]
    names = (question[axis]["name"] for axis in ("recommender", "attacker", "defense"))
    place = (question["size"], question["group"], question["replica"])
    return (question["dataset"], question["seed"], *names, *place, record["cell_id"])


def _cells(grid: Grid) -> str:
    rows = [
        {name: record[name] for name in ABOUT_CELL}
        | dict(_flat("", record["question"]))
        | dict(_flat("metrics.", record["metrics"]))
        | dict(_flat("cost.", record["cost"]))
        for record in grid.records
    ]
    found = {name for row in rows for name in row} - set(ABOUT_CELL)
    return as_csv([*ABOUT_CELL, *sorted(found, key=lambda name: (name.startswith(("metrics.", "cost.")), name))], rows)


def _flat(prefix: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings under dotted names; parameters and lists are leaves, as JSON."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and name != "params":
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield prefix + name, json.dumps(value, sort_keys=True) if isinstance(value, Mapping | list) else value
