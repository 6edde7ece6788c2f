"""Stages are built once for all cells that need the same: never for cells that need something else."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from planted_suite import PLANTED, open_shop, suite

from recbench.matrix.choices import Pipeline
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.stages import Recipes
from recbench.matrix.suite import load_suite
from recbench.plugins import Plugins

DEFENSES = ("keeps-all", "removes-everybody", "suspects-long", "keeps-all+suspects-long")
ALIKE_IN_NOTHING = """
seeds = 2

[threat]
sizes = [0.05, 0.1]
offers = ["statistics", "interactions", "surrogate", "queries", "victim", "defense"]

[threat.targets]
count = 2
groups = 2
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: Plugins) -> Plan:
    """Every kind of attacker's knowledge and every kind of defense, on two seeds, sizes and groups."""
    monkeypatch.chdir(tmp_path)
    open_shop(tmp_path)
    path = suite(
        ["Popular", "RatesByCount"],
        ["Fills", "Asks", "Dissects"],
        ["KeepsAll", "RemovesEverybody", "SuspectsLong", f"KeepsAll+{PLANTED}:SuspectsLong"],
        ALIKE_IN_NOTHING,
    )
    return Plan.of(load_suite(path), plugins, Circumstances(), {})


def test_a_cells_stages_are_those_of_a_plan_that_has_no_other_cell(plan: Plan) -> None:
    shared = plan.recipes
    assert len(plan.runnable) > 100
    for cell in plan.runnable:
        alone = Recipes(shared.circumstances, shared.surrogates, shared.metrics)
        assert shared.evaluate(cell).recipe == alone.evaluate(cell).recipe, str(cell)
        assert shared.build_id(cell) == alone.build_id(cell)


def test_stages_that_do_the_same_are_one_object(plan: Plan) -> None:
    stages = plan.stages()
    assert len({stage.recipe for stage in stages}) == len(stages)
    again = plan.stages()
    assert all(one is other for one, other in zip(stages, again, strict=True))


def test_a_pipelines_part_is_the_component_alone(plan: Plan) -> None:
    detector, _, training, pipeline = plan.axes.defenses
    assert isinstance(pipeline, Pipeline)
    assert pipeline.parts == (detector, training)


def test_planning_leaves_the_garbage_collector_on(plan: Plan) -> None:
    plan.document()
    assert gc.isenabled()


def test_an_attack_that_knows_the_defense_is_crafted_for_each_and_for_none(plan: Plan) -> None:
    def crafted(attacker: str) -> set[str | None]:
        cells = [cell for cell in plan.runnable if cell.attacker and cell.attacker.name == attacker]
        where = (cells[0].seed, cells[0].size, cells[0].group, cells[0].recommender)
        same = [cell for cell in cells if (cell.seed, cell.size, cell.group, cell.recommender) == where]
        assert {cell.defense and cell.defense.name for cell in same} == {None, *DEFENSES}
        stages = {plan.recipes.evaluate(cell).inputs["profiles"].recipe: cell.defense for cell in same}
        return {defense and defense.name for defense in stages.values()}

    assert len(crafted("fills")) == 1
    assert crafted("dissects") == {None, *DEFENSES}
