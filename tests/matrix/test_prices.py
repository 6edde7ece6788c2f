"""A plan is priced by what the same stages have cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_suite import InThisProcess, open_shop, suite

from recbench.matrix import run as matrix_run
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.prices import ROLES, key_of, known, paid, price
from recbench.matrix.run import run_plan
from recbench.matrix.suite import load_suite
from recbench.plugins import Plugins
from recbench.store import Store


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: Plugins) -> Plan:
    """Every kind of costly stage; the second attacker sees victim and defense, which its stages name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(matrix_run, "LocalExecutor", InThisProcess)
    open_shop(tmp_path)
    offers = '[threat]\noffers = ["statistics", "interactions", "victim", "defense"]\n'
    name = suite(["Popular", "RatesByCount"], ["Fills", "Dissects"], ["KeepsAll", "SuspectsLong"], offers)
    return Plan.of(load_suite(name), plugins, Circumstances(), {})


def test_a_run_prices_every_stage_of_its_own_plan(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "run")
    store.root.mkdir()
    run_plan(plan, store, 1)
    costs = paid(store.records())
    worked = [stage.inputs.get("first", stage) for stage in plan.stages()]  # what is repeated costs as much again
    costly = [stage for stage in worked if stage.kind in ROLES]
    assert {key_of(stage) for stage in costly} == costs.keys()
    found = price(plan.stages(), costs)
    assert (found.priced, found.unknown) == (len(costly), [])
    assert found.cpu_seconds == pytest.approx(sum(costs[key_of(stage)] for stage in costly))


def test_what_nothing_has_run_is_named_and_not_guessed(plan: Plan) -> None:
    found = price(plan.stages(), {("fit", "shop", "popular"): 2.0})
    assert found.cpu_seconds == 2.0 * found.priced > 0
    assert "fit shop rates-by-count" in found.unknown
    assert "craft shop dissects" in found.unknown
    assert "sanitize shop keeps-all" in found.unknown


def test_the_price_is_the_median_of_what_was_paid() -> None:
    def record(seconds: float, defense: str, **more: dict[str, float]) -> dict[str, object]:
        names = {"recommender": "ease", "attacker": "none", "defense": defense}
        question = {"dataset": "shop", **{axis: {"name": name} for axis, name in names.items()}}
        return {"question": question, "cost": {"fit": {"cpu_seconds": seconds}, **more}}

    removed = record(8.0, "filter", sanitize={"cpu_seconds": 0.5})  # a filter's fit is a plain one
    costs = paid([record(1.0, "none"), record(3.0, "none"), removed, record(9.0, "robust")])
    assert costs == {
        ("fit", "shop", "ease"): 3.0,
        ("sanitize", "shop", "filter"): 0.5,
        ("fit", "shop", "ease", "robust"): 9.0,
    }


def test_published_runs_price_the_quick_suite(plugins: Plugins, tmp_path: Path) -> None:
    plan = Plan.of(load_suite("quick"), plugins, Circumstances(), {})
    found = price(plan.stages(), known(Store(tmp_path)))
    assert found.unknown == []
    assert found.cpu_seconds > 60
