"""What we have published answers the questions that the suites still ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbench.leaderboard.published import read_rows
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.suite import load_suite
from recbench.plugins import load_plugins

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
PUBLISHED = sorted(path.parent for path in LEADERBOARDS.glob("*/cells.parquet"))


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_the_cells_of_a_published_run_are_those_that_its_suite_plans(folder: Path) -> None:
    suite = load_suite(str(LEADERBOARDS / f"{folder.name}.toml"))
    plan = Plan.of(suite, load_plugins(third_party=False), Circumstances(), {})
    assert {row["cell_id"] for row in read_rows(folder / "cells.parquet")} == {cell.id for cell in plan.cells}
