"""What we have published answers the questions that the suites still ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recbench.component import Component
from recbench.leaderboard.published import read_rows
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.suite import Suite, load_suite
from recbench.plugins import load_plugins

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
PUBLISHED = sorted(path.parent for path in LEADERBOARDS.glob("*/cells.parquet"))


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_the_cells_of_a_published_run_are_those_that_its_suite_plans(folder: Path) -> None:
    suite = load_suite(str(LEADERBOARDS / f"{folder.name}.toml"))
    plan = Plan.of(suite, load_plugins(third_party=False), Circumstances(), {})
    assert {row["cell_id"] for row in read_rows(folder / "cells.parquet")} == {cell.id for cell in plan.cells}


def has_a_place(component: Component, suite: Suite) -> bool:
    """Whether a component serves the track and the goal of a suite."""
    if suite.feedback == "implicit" and "ratings" in component.requires_data:
        return False
    return component.kind != "attacker" or component.serves(suite.threat.goal, suite.feedback)


def test_the_standard_suite_holds_every_standard_plugin_or_says_why_not() -> None:
    path = LEADERBOARDS / "standard.toml"
    suite = load_suite(str(path))
    reasons = [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"#   \S.*: \S", line)]
    left_out = {name for line in reasons for name in line[1:].partition(":")[0].split(",")}
    left_out = {name.strip() for name in left_out}
    asked = {("recommender", *suite.recommenders), ("attacker", *suite.attackers), ("defense", *suite.defenses)}
    named = {(kind, name) for kind, *names in asked for name in names} - {("attacker", "none"), ("defense", "none")}
    plugins = load_plugins(third_party=False)
    fitting = {
        (component.kind, component.name)
        for row in plugins.rows
        for component in row.components
        if component.kind in ("recommender", "attacker", "defense") and has_a_place(component, suite)
    }
    assert named <= fitting
    assert {name for _, name in fitting - named} == left_out, "put it into standard.toml, or say there why it is not"
