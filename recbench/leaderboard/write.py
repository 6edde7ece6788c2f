"""`write_tables`: the boards and the cells behind them, as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbench.leaderboard.boards import boards
from recbench.leaderboard.cells import cells_csv, cells_parquet
from recbench.leaderboard.foot import common_foot
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.latex import as_latex
from recbench.leaderboard.render import as_list, as_markdown, as_text, plain, rows_csv
from recbench.matrix.suite import Suite
from recbench.store.files import write_file
from recbench.throughput.report import Report

CELLS, SUITE = "cells.parquet", "suite.json"
"""What the tables can be made from anew."""


def write_tables(
    records: list[dict[str, Any]],
    suite: Suite,
    folder: Path,
    reports: Sequence[Report] = (),
    absent: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Make leaderboards of a suite's cell records.

    Writes every board as `.txt`, `.md`, `.tex` and `.csv`, all of them as `README.md`, the cells as
    `cells.csv` and `cells.parquet`, and the suite as `suite.json`. The order of the records does not matter.

    Args:
        records: of the suite's cells, whatever became of them.
        suite: says which cells there ought to be.
        folder: where the files go; made if need be.
        reports: of `recbench time`, for a board of their own.
        absent: the cells that have no record, see `Grid`.

    Returns:
        The text to print. Without records it says so, and no file is written.

    Raises:
        DataError: two reports are of the same circumstances.
    """
    if not records:
        return "no cells, so no tables: run the suite first"
    grid = Grid(suite, sorted(records, key=_order), absent)
    made, common = boards(grid, reports), common_foot(grid)
    title = f"Suite {suite.name}, version {suite.version}"
    files = {"cells.csv": cells_csv(grid.records).encode(), CELLS: cells_parquet(grid.records)}
    files[SUITE] = (suite.model_dump_json(indent=1) + "\n").encode()
    for board in made:
        files |= {
            f"{board.name}.txt": (as_text(board) + "\n".join(map(plain, common)) + "\n").encode(),
            f"{board.name}.md": f"{as_markdown(board)}\n{as_list('All boards', common)}".encode(),
            f"{board.name}.tex": as_latex(board).encode(),
            f"{board.name}.csv": rows_csv(board).encode(),
        }
    sections = [f"# {title}\n", *map(as_markdown, made), as_list("All boards", common)]
    files["README.md"] = "\n".join(sections).encode()
    for name, content in files.items():
        write_file(folder / name, content)
    return "\n".join([f"{title}\n", *map(as_text, made), *map(plain, common)])


def _order(record: Mapping[str, Any]) -> tuple[Any, ...]:
    question = record["question"]
    names = (question[axis]["name"] for axis in ("recommender", "attacker", "defense"))
    place = (question["size"], question["group"], question["replica"])
    return (question["dataset"], question["seed"], *names, *place, record["cell_id"])
