"""Records: what is kept of a cell, whatever became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbench.matrix.cells import Cell
from recbench.matrix.plan import Plan
from recbench.matrix.scheduler import Done, Failed, Settled
from recbench.store import Store

COSTS = {"profiles": "craft", "verdict": "sanitize", "fit": "fit"}
"""The artifacts whose making is a cost, and the stage that made them."""


def record_of(cell: Cell, plan: Plan, settled: Mapping[str, Settled], store: Store) -> dict[str, Any]:
    """The record of a cell whose last stage is settled."""
    last = plan.recipes.evaluate(cell)
    end = settled[last.recipe]
    artifacts: dict[str, str | None] = dict.fromkeys(("prepared", "profiles", "verdict", "fit", "clean"))
    for name, stage in last.inputs.items():
        found = settled[stage.recipe]
        artifacts[name] = found.key if isinstance(found, Done) else None
    costs = {stage: store.get(key).meta["measured"] for name, stage in COSTS.items() if (key := artifacts[name])}
    record = _frame(cell, plan) | {"artifacts": artifacts, "cost": costs}
    if isinstance(end, Failed):
        return record | {"status": end.status, "reason": end.reason, "stage": end.stage, "log": end.log}
    return record | {"metrics": store.get(end.key).meta["metrics"]}


def record_without_run(cell: Cell, plan: Plan) -> dict[str, Any]:
    """The record of a cell that cannot be run: skipped with its reason, or an error where a component is broken."""
    if cell.id in plan.skipped:
        return _frame(cell, plan) | {"status": "skipped", "reason": plan.skipped[cell.id]}
    return _frame(cell, plan) | {"status": "error", "reason": plan.broken[cell.id], "stage": "plan"}


def _frame(cell: Cell, plan: Plan) -> dict[str, Any]:
    return {
        "cell_id": cell.id,
        "build_id": plan.recipes.build_id(cell),
        "evaluation": plan.evaluation,
        "suite": plan.suite.name,
        "suite_version": plan.suite.version,
        "question": cell.question,
        "status": "ok",
        "reason": "",
        "stage": "",
        "log": "",
        "metrics": {},
        "cost": {},
        "artifacts": {},
    }
