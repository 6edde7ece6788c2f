"""Metrics are computed anew from what a run has stored, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted_suite import InThisProcess, suite

from recbench.cli import main
from recbench.execution import Task
from recbench.plugins import Plugins
from recbench.store import Store


def _attacked() -> dict[str, Any]:
    """The record of the one cell under attack."""
    records = Store(Path("runs/mine")).records()
    (found,) = [each for each in records if each["question"]["attacker"]["name"] == "fills"]
    return found


@pytest.mark.usefixtures("quick_executor")
def test_other_metrics_are_computed_from_what_is_stored(shop, capfd):
    name = suite(["Popular"], ["Fills"], [], 'metrics = ["ranking"]\n')
    assert main(["run", name, "--jobs", "1"]) == 0
    before = _attacked()
    capfd.readouterr()
    suite(["Popular"], ["Fills"], [], 'metrics = ["attack"]\n')
    assert main(["run", name, "--jobs", "1"]) == 0
    assert "2 stages computed" in capfd.readouterr().out  # two evaluations; the A/A twin's is the clean cell's
    after = _attacked()
    assert (after["cell_id"], after["build_id"]) == (before["cell_id"], before["build_id"])
    assert set(before["metrics"]) != set(after["metrics"])


METRIC = """
from dataclasses import dataclass
from recbench.contracts import Metric

@dataclass(frozen=True)
class Reach(Metric):
    def __call__(self, outcome):
        return {"reach": REACH}
"""
"""A user's own metric, whose version is the hash of its file."""


@pytest.mark.usefixtures("quick_executor")
def test_another_version_of_a_metric_recomputes_evaluations_and_nothing_else(shop, capfd, monkeypatch):
    ran = []

    class Noted(InThisProcess):
        def submit(self, task: Task) -> None:
            ran.append(task.function.partition(":")[2])
            super().submit(task)

    monkeypatch.setattr("recbench.matrix.run.LocalExecutor", Noted)
    name = suite(["Popular"], ["Fills"], ["RemovesBuyersOf[item=3]"], 'metrics = ["ranking", "./reach.py:Reach"]\n')

    def reach(text: str) -> tuple[set[Any], set[str], set[str]]:
        Path("reach.py").write_text(METRIC.replace("REACH", text))
        ran.clear()
        main(["run", name, "--jobs", "1"])
        found = Store(Path("runs/mine")).records()
        cells = {record["cell_id"] + record["build_id"] for record in found}
        return {record["metrics"].get("reach") for record in found}, set(ran), cells

    values, stages, cells = reach("1.0")
    assert (values, stages) == ({1.0}, {"prepare", "craft", "sanitize", "fit", "repeat", "evaluate"})
    assert reach("2.0") == ({2.0}, {"evaluate"}, cells)
    assert reach("float('nan')") == ({None}, {"evaluate"}, cells)
    assert "reach is nan" in capfd.readouterr().err
    assert reach("float('nan')") == ({None}, set(), cells)  # a failure stays one until something changes
    assert reach("3.0") == ({3.0}, {"evaluate"}, cells)
    assert reach("3.0") == ({3.0}, set(), cells)


@pytest.mark.usefixtures("quick_executor")
def test_another_version_of_an_installed_metric_recomputes_evaluations(shop, capfd, monkeypatch):
    name = suite(["Popular"], ["Fills"], [], 'metrics = ["ranking"]\n')
    assert main(["run", name, "--jobs", "1"]) == 0
    select = Plugins.select
    monkeypatch.setattr(Plugins, "select", lambda *given: [replace(each, version="2.1") for each in select(*given)])
    capfd.readouterr()
    assert main(["run", name, "--jobs", "1"]) == 0
    assert "; 2 stages computed" in capfd.readouterr().out
