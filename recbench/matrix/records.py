"""Records: what is kept of a cell, whatever became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbench.matrix.cells import Cell
from recbench.matrix.choices import NONE
from recbench.matrix.environment import machine
from recbench.matrix.plan import Plan
from recbench.matrix.scheduler import Done, Failed, Settled
from recbench.specs import parts_of
from recbench.store import MEASURED, Store

COSTLY = ("profiles", "examples", "verdict", "fit")
"""The artifacts whose making is a cost."""


def record_of(cell: Cell, plan: Plan, settled: Mapping[str, Settled], store: Store) -> dict[str, Any]:
    """The record of a cell whose last stage is settled."""
    last = plan.recipes.evaluate(cell)
    end = settled[last.recipe]
    needed = {**last.inputs, **plan.recipes.examples(cell)}
    artifacts: dict[str, str | None] = dict.fromkeys(("prepared", "profiles", "verdict", "fit", "clean"))
    for name, stage in needed.items():
        found = settled[stage.recipe]
        artifacts[name] = found.key if isinstance(found, Done) else None
    repeated = artifacts.pop("repeat", None)
    costs = {needed[name].kind: store.meta(key)[MEASURED] for name in COSTLY if (key := artifacts.get(name))}
    record = _frame(cell, plan) | {
        "artifacts": artifacts,
        "cost": costs,
        "machine": machine(plan.recipes.circumstances),
    }
    if isinstance(end, Failed):
        return record | {"status": end.status, "reason": end.reason, "stage": end.stage, "log": end.log}
    evaluated = store.meta(end.key)
    record |= {"metrics": evaluated["metrics"], "cost": costs | {"evaluate": evaluated[MEASURED]}}
    return record | {"repeats": _repeats(repeated, store)} if "repeat" in needed else record


def record_without_run(cell: Cell, plan: Plan) -> dict[str, Any]:
    """The record of a cell that cannot be run: skipped with its reason, or an error where a component is broken."""
    if cell.id in plan.skipped:
        return _frame(cell, plan) | {"status": "skipped", "reason": plan.skipped[cell.id]}
    return _frame(cell, plan) | {"status": "error", "reason": plan.broken[cell.id], "stage": "plan"}


def _repeats(key: str | None, store: Store) -> str:
    """Whether the work that was done twice came out the same: `yes`, `no`, or that it `failed` the second time."""
    if key is None:
        return "failed"
    return "yes" if store.meta(key)["same"] else "no"


def at_work(defense: str, record: Mapping[str, Any]) -> tuple[str, str]:
    """The detector and the robust training of a record's defense, as the defense, a name or a label, calls them.

    Empty where there is none. Which one a defense is tells the cost: no other one inspects.
    """
    parts = [] if defense == NONE["name"] else parts_of(defense)
    detector = parts.pop(0) if "sanitize" in record["cost"] else ""
    return detector, parts[-1] if parts else ""


def _frame(cell: Cell, plan: Plan) -> dict[str, Any]:
    return {
        "cell_id": cell.id,
        "build_id": plan.recipes.build_id(cell),
        "evaluation": plan.evaluation,
        "suite": plan.suite.name,
        "suite_version": plan.suite.version,
        "question": cell.question,
        "knowledge": [] if cell.attacker is None else sorted(cell.attacker.component.knowledge),
        "status": "ok",
        "reason": "",
        "stage": "",
        "log": "",
        "metrics": {},
        "cost": {},
        "artifacts": {},
        "machine": {},
        "repeats": "",
    }
