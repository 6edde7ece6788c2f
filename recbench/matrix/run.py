"""`run_plan`: computes the cells that are wanted and writes a record as soon as each is done."""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from recbench.execution import Limits, LocalExecutor
from recbench.matrix.cells import Cell
from recbench.matrix.environment import environment
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import PLAN, Plan, Rerun
from recbench.matrix.preload import preloaded
from recbench.matrix.progress import Progress, StageEvent, progress
from recbench.matrix.records import record_of, record_without_run
from recbench.matrix.scheduler import Executor, Scheduler, Settled
from recbench.matrix.stages import Stage
from recbench.matrix.suite import Suite
from recbench.store import Store
from recbench.store.lock import hold

ENVIRONMENT = "environment.json"


Start = Callable[[Store, int, Sequence[str]], Executor]
"""Makes an executor: of a store, how many tasks at once, and the modules that they start with."""


def on_this_machine(store: Store, jobs: int, preload: Sequence[str]) -> Executor:
    """The executor that needs nothing but this machine."""
    return LocalExecutor(store, jobs, preload)


@dataclass(frozen=True)
class Summary:
    """What a run did and where its cells stand.

    Args:
        records: of every cell of the plan that has one, in the plan's order.
        absent: what a `Grid` takes in place of the others.
        computed: stages that were computed, not found in the store.
        stale: cells whose record is of another build.
    """

    records: list[dict[str, Any]]
    absent: list[dict[str, Any]]
    computed: int
    stale: int

    @property
    def cells(self) -> int:
        """How many the plan has."""
        return len(self.records) + len(self.absent)

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [record for record in self.records if record["status"] not in ("ok", "skipped")]

    @property
    def exit_code(self) -> int:
        """0 all ok or skipped, 1 some failed, 3 nothing succeeded."""
        if not any(record["status"] == "ok" for record in self.records):
            return 3
        return 1 if self.failed else 0


def run_plan(
    plan: Plan,
    store: Store,
    jobs: int,
    rerun: Rerun = "missing",
    display: Progress | None = None,
    start: Start = on_this_machine,
) -> Summary:
    """Compute a plan in the store's folder.

    Plan and environment are written first, then a record a cell as soon as it is done, so a run that is
    killed at any moment goes on where it stopped. A failure is a record; the rest goes on.

    Args:
        plan: what to compute.
        store: the run's folder.
        jobs: stages at once.
        rerun: which cells to compute.
        display: told what happens; by default a display for people on stderr.
        start: makes what runs the stages.

    Raises:
        DataError: the folder is being cleared up.
        StoreError: the folder cannot be written to.
    """
    if rerun == "all":
        with hold(store.root, alone=True):
            for name in ("artifacts", "cells"):
                shutil.rmtree(store.root / name, ignore_errors=True)
    with hold(store.root):
        store.write_document(PLAN, plan.document())
        store.write_document(ENVIRONMENT, environment(plan.recipes.circumstances, jobs))
        for cell in plan.cells:
            if cell.id in plan.skipped or cell.id in plan.broken:
                record = record_without_run(cell, plan)
                if store.read_record(cell.id) != record:
                    _keep(record, plan, store)
        computed = _compute(plan, plan.wanted(store, rerun), store, jobs, display or progress(), start)
    return summary(plan, store, computed)


def summary(plan: Plan, store: Store, computed: int = 0) -> Summary:
    """Where the plan's cells stand."""
    cells = [(cell, store.read_record(cell.id)) for cell in plan.cells]
    found = [(cell, record) for cell, record in cells if record is not None]
    stale = sum(plan.state(cell, record) == "stale" for cell, record in found if cell.id not in plan.skipped)
    nothing = {"status": "missing", "metrics": {}, "cost": {}}
    absent = [{"question": cell.question} | nothing for cell, record in cells if record is None]
    return Summary([record for _, record in found], absent, computed, stale)


def settle(stage: Stage, plan: Plan, store: Store) -> Settled:
    """Compute one more stage of a plan's cells, or find it in the store.

    Raises:
        DataError: the folder is being cleared up.
        StoreError: the folder cannot be written to.
    """
    with hold(store.root), _scheduler(plan, store, 1, lambda _: None, on_this_machine) as scheduler:
        for _ in scheduler.run([stage]):
            pass
        return scheduler.settled[stage.recipe]


def limits_of(suite: Suite, where: Circumstances) -> Limits:
    """What each stage of a suite may use there."""
    rule = suite.limits
    memory = None if rule.memory_gb is None else int(rule.memory_gb * 1e9)
    return Limits(rule.seconds, memory, where.threads, resident=where.device.startswith("cuda"))


def _scheduler(plan: Plan, store: Store, jobs: int, on_event: Callable[[StageEvent], None], start: Start) -> Scheduler:
    limits = limits_of(plan.suite, plan.recipes.circumstances)
    return Scheduler(store, lambda: start(store, jobs, preloaded(plan.axes.components)), limits, jobs, on_event)


def _compute(plan: Plan, cells: list[Cell], store: Store, jobs: int, display: Progress, start: Start) -> int:
    waiting: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        waiting[plan.recipes.evaluate(cell).recipe].append(cell)
    lasts = [plan.recipes.evaluate(batch[0]) for batch in waiting.values()]
    outline = {
        "suite": plan.suite.name,
        "version": plan.suite.version,
        "folder": str(store.root),
        "cells": len(plan.cells),
        "wanted": len(cells),
        "skipped": len(plan.skipped),
        "broken": len(plan.broken),
    }
    with display, _scheduler(plan, store, jobs, display.stage, start) as scheduler:
        display.begin(outline)
        for last in scheduler.run(lasts):
            for cell in waiting[last.recipe]:
                record = record_of(cell, plan, scheduler.settled, store)
                _keep(record, plan, store)
                display.cell(record)
    return scheduler.computed


def _keep(record: dict[str, Any], plan: Plan, store: Store) -> None:
    store.write_record(record)
    for problem in plan.resolver.plugins.notify(record):
        print(f"warning: {problem}", file=sys.stderr)
