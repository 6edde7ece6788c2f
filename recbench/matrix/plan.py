"""`Plan`: every cell of a suite, what it takes, and what a rerun would do, decided before anything runs."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from recbench.errors import DataError
from recbench.matrix.cells import Cell, Lineup, cells_of
from recbench.matrix.choices import Axes, Resolver
from recbench.matrix.identity import Circumstances, digest_of
from recbench.matrix.stages import Recipes, Stage, effective_inputs
from recbench.matrix.suite import Suite
from recbench.plugins import Plugins
from recbench.store import Store

Rerun = Literal["never", "missing", "failed", "stale", "all"]
"""What is computed: nothing; cells without a record; those and failed ones, with what was evaluated without a
clean twin that had failed; those without and cells of another build; everything afresh, the stored stages too."""

KINDS = ("prepare", "craft", "simulate", "sanitize", "fit", "perturb", "repeat", "evaluate")
PLAN = "plan.json"

State = Literal["missing", "ok", "failed", "stale"]

COMPUTED: Mapping[Rerun, frozenset[State]] = {
    "never": frozenset(),
    "missing": frozenset({"missing"}),
    "failed": frozenset({"missing", "failed"}),
    "stale": frozenset({"missing", "stale"}),
    "all": frozenset({"missing", "failed", "stale", "ok"}),
}


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would go through all cells again and again, of which none is garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # Together they make all that is there old, or the collector would go through it as soon as it is back.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


@dataclass(frozen=True, eq=False)
class Plan:
    """A suite made concrete.

    Args:
        suite: what was asked for.
        resolver: what its references stand for.
        axes: the components.
        recipes: the stages.
        cells: all of them, in the suite's order.
    """

    suite: Suite
    resolver: Resolver
    axes: Axes
    recipes: Recipes
    cells: list[Cell]

    @classmethod
    @_uncollected()
    def of(cls, suite: Suite, plugins: Plugins, circumstances: Circumstances, earlier: Mapping[str, Any]) -> Plan:
        """Plan a suite.

        Args:
            suite: what to run.
            plugins: what is installed.
            circumstances: where it would run.
            earlier: the plan of an earlier run in the same folder, which spares work.

        Raises:
            RecbenchError: a component that is unknown, a parameter or a file that is wrong.
        """
        resolver = Resolver(plugins, dict(earlier.get("parameters", {})))
        axes = Axes.of(suite, resolver)
        recipes = Recipes(circumstances, resolver.differentiable(), axes.metrics)
        return cls(suite, resolver, axes, recipes, cells_of(suite, axes))

    @cached_property
    def _lineups(self) -> set[Lineup]:
        return {cell.lineup for cell in self.cells}

    @cached_property
    def skipped(self) -> dict[str, str]:
        """Why a cell cannot be asked, by its id."""
        device = self.recipes.circumstances.device
        reasons = {lineup: lineup.obstacle(device) for lineup in self._lineups}
        return {cell.id: reason for cell in self.cells if (reason := reasons[cell.lineup])}

    @cached_property
    def broken(self) -> dict[str, str]:
        """Why a cell's component or a metric cannot be imported, by the cell's id."""
        metric = next((choice.broken for choice in self.axes.metrics if choice.broken), "")
        reasons = {lineup: lineup.broken or metric for lineup in self._lineups}
        askable = (cell for cell in self.cells if cell.id not in self.skipped)
        return {cell.id: reason for cell in askable if (reason := reasons[cell.lineup])}

    @cached_property
    def runnable(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.id not in self.skipped and cell.id not in self.broken]

    @cached_property
    def evaluation(self) -> str:
        """The identity of the metrics: their parameters and code. Other metrics are computed from stored stages."""
        factories = [metric.component.factory for metric in self.axes.metrics]
        build = self.recipes.circumstances.build("recbench.matrix.evaluate:evaluate", factories)
        return digest_of([build, [metric.identity for metric in self.axes.metrics]])[:20]

    @_uncollected()
    def stages(self) -> list[Stage]:
        """The distinct stages of all runnable cells, each after its inputs."""
        found: dict[Stage, None] = {}

        def visit(stage: Stage) -> None:
            for needed in stage.inputs.values():
                if needed not in found:
                    visit(needed)
            found[stage] = None

        for cell in self.runnable:
            visit(self.recipes.evaluate(cell))
        return list(found)

    def explanations(self) -> list[Stage]:
        """The stages that a report on one of the cells would ask for; their inputs are stages of the plan."""
        undefended = (cell for cell in self.runnable if cell.attacker is not None and cell.defense is None)
        return [self.recipes.explain(cell) for cell in undefended if not cell.lineup.perturbs]

    def state(self, cell: Cell, record: Mapping[str, Any] | None) -> State:
        """How a cell's record stands to this plan."""
        if record is None or record["status"] == "skipped" or record["stage"] == "plan":
            return "missing"  # not asked yet, or it could not be asked then
        if record["build_id"] != self.recipes.build_id(cell):
            return "stale"
        measured = record["evaluation"] == self.evaluation
        if record["status"] != "ok" and (measured or record["stage"] != "evaluate"):
            return "failed"
        if not measured:
            return "missing"  # other metrics mend what only metrics had failed
        # Without its clean twin the cell lacks metrics: whoever asks for failed cells gets the twin and these.
        return "failed" if record["artifacts"]["clean"] is None else "ok"

    def wanted(self, store: Store, rerun: Rerun) -> list[Cell]:
        """The cells that a run would compute."""
        return [cell for cell in self.runnable if self.state(cell, store.read_record(cell.id)) in COMPUTED[rerun]]

    @_uncollected()
    def document(self) -> dict[str, Any]:
        """`plan.json`: the suite, every cell's identity and question, and the resolved parameters."""
        return {
            "suite": self.suite.model_dump(mode="json"),
            "cells": [self._row(cell) for cell in self.cells],
            "stages": dict(Counter(stage.kind for stage in self.stages())),
            "parameters": self.resolver.known,
        }

    def _row(self, cell: Cell) -> dict[str, Any]:
        row = {"cell_id": cell.id, "build_id": self.recipes.build_id(cell), "question": cell.question}
        reason = self.skipped.get(cell.id) or self.broken.get(cell.id)
        if reason:
            row |= {"status": "skipped" if cell.id in self.skipped else "error", "reason": reason}
        return row


def stored(stages: list[Stage], store: Store) -> dict[Stage, str]:
    """The keys of those of the stages, given each after its inputs, that are in the store already."""
    keys: dict[Stage, str] = {}
    for stage in stages:
        needed = {name: keys.get(given) for name, given in stage.inputs.items()}
        at_hand = {name: key for name, key in needed.items() if key is not None}
        if at_hand.keys() | stage.optional < needed.keys():
            continue
        try:
            inputs = effective_inputs(stage, at_hand, store)
            key = stage.key({name: store.digest(key) for name, key in inputs.items()})
            store.digest(key)
        except DataError:
            continue
        keys[stage] = key
    return keys
