"""`Scheduler`: runs the stages of cells, each distinct one once, and tells what became of every cell."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from recbench.errors import DataError
from recbench.execution import Limits, Status, Task, TaskResult
from recbench.matrix.stages import Stage, effective_inputs
from recbench.store import Store

ORDER = ("prepare", "craft", "simulate", "sanitize", "fit", "perturb", "repeat", "explain")
"""Of the stages of a split seed that are ready, first what most others wait for."""

TICK_SECONDS = 2.0
"""How often the harness looks up while workers are busy."""


class Executor(Protocol):
    """What runs tasks; see `recbench.execution`."""

    def submit(self, task: Task) -> None: ...
    def next(self, timeout: float | None = None) -> TaskResult | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Done:
    """The stage's artifact is in the store."""

    key: str


@dataclass(frozen=True)
class Failed:
    """The stage, or one that it needs, ended without an artifact.

    Args:
        status, reason: of the stage that failed.
        stage: its kind.
        log: its log's path relative to the store, or empty.
    """

    status: Status
    reason: str
    stage: str
    log: str


Settled = Done | Failed


class Scheduler:
    """Works off the stages that lead to some last stages.

    A stage is submitted when its inputs are there: only then is its key known, which holds their content.
    So two stages whose inputs turn out to be equal are computed once, and a failure settles everything
    that needs it without stopping the rest.

    Args:
        store: where artifacts are and go.
        start: makes the executor; called when there is something to compute, not before.
        limits: of every stage.
        jobs: how many stages the executor runs at once; twice as many are handed to it.
        on_event: called with a task when it starts, with its result when it has ended, and every few
            seconds with None. The executor takes tasks in turn, so the first `jobs` of those it has run.
    """

    def __init__(
        self,
        store: Store,
        start: Callable[[], Executor],
        limits: Limits,
        jobs: int,
        on_event: Callable[[Task | TaskResult | None], None],
    ) -> None:
        self.settled: dict[str, Settled] = {}
        self.computed = 0
        self._store = store
        self._start = start
        self._limits = limits
        self._jobs = jobs
        self._on_event = on_event
        self._executor: Executor | None = None
        self._unmet: dict[str, int] = {}
        self._dependents: dict[str, list[Stage]] = {}
        self._under_way: dict[str, list[Stage]] = {}
        self._ready: list[tuple[tuple[bool, int, int, int], Task]] = []
        self._turn = itertools.count()
        self._submitted: dict[str, Task] = {}
        self._started: set[str] = set()
        self._finished: list[Stage] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.close()

    def run(self, lasts: Sequence[Stage]) -> Iterator[Stage]:
        """Compute what leads to `lasts`; yields each of them when it is settled, in `settled` by its recipe."""
        for last in lasts:
            self._add(last)
        wanted = {last.recipe for last in lasts}
        while True:
            finished, self._finished = self._finished, []
            yield from (stage for stage in finished if stage.recipe in wanted)
            if self._finished:
                continue
            if not self._under_way:
                return
            result = self._feed().next(TICK_SECONDS)
            if result is None:
                self._on_event(None)
            else:
                self._take(result)

    def _feed(self) -> Executor:
        """Hand over as much as keeps the executor busy, so that what becomes ready later can still come first."""
        if self._executor is None:
            self._executor = self._start()
        while self._ready and len(self._submitted) < 2 * self._jobs:
            _, task = heapq.heappop(self._ready)
            self._submitted[task.key] = task
            self._executor.submit(task)
        for task in list(itertools.islice(self._submitted.values(), self._jobs)):
            self._tell_start(task)
        return self._executor

    def _place(self, stage: Stage) -> tuple[bool, int, int, int]:
        """What comes first of the stages that are ready.

        An evaluation, which finishes cells; then the first split seed before the others, so that a run that is cut
        short has whole boards of some seeds, and not everything but the end of all.
        """
        if stage.kind == "evaluate":
            return False, 0, 0, next(self._turn)
        return True, stage.seed, ORDER.index(stage.kind), next(self._turn)

    def _tell_start(self, task: Task) -> None:
        if task.key not in self._started:
            self._started.add(task.key)
            self._on_event(task)

    def _add(self, stage: Stage) -> None:
        if stage.recipe in self._unmet:
            return
        inputs = {needed.recipe: needed for needed in stage.inputs.values()}
        for needed in inputs.values():
            self._add(needed)
        open_inputs = [recipe for recipe in inputs if recipe not in self.settled]
        self._unmet[stage.recipe] = len(open_inputs)
        for recipe in open_inputs:
            self._dependents.setdefault(recipe, []).append(stage)
        if not open_inputs:
            self._advance(stage)

    def _advance(self, stage: Stage) -> None:
        """All inputs are settled: find the artifact, or have it computed."""
        keys = {}
        for name, needed in stage.inputs.items():
            settled = self.settled[needed.recipe]
            if isinstance(settled, Done):
                keys[name] = settled.key
            elif name not in stage.optional:
                self._settle(stage, settled)
                return
        try:
            keys = effective_inputs(stage, keys, self._store)
            key = stage.key({name: self._store.digest(each) for name, each in keys.items()})
            at_hand = self._store.has(key) and bool(self._store.digest(key))
        except DataError as error:  # a damaged artifact
            self._settle(stage, Failed("error", str(error), stage.kind, ""))
            return
        if at_hand:
            self._settle(stage, Done(key))
        elif key in self._under_way:
            self._under_way[key].append(stage)
        else:
            self._under_way[key] = [stage]
            task = Task(key, stage.function, dict(stage.arguments), keys, self._limits, stage.label)
            heapq.heappush(self._ready, (self._place(stage), task))

    def _take(self, result: TaskResult) -> None:
        self.computed += 1
        self._tell_start(result.task)
        self._on_event(result)
        del self._submitted[result.task.key]
        for stage in self._under_way.pop(result.task.key):
            if result.status == "ok":
                self._settle(stage, Done(result.task.key))
            else:
                self._settle(stage, Failed(result.status, result.reason, stage.kind, result.log))

    def _settle(self, stage: Stage, settled: Settled) -> None:
        self.settled[stage.recipe] = settled
        self._finished.append(stage)
        for dependent in self._dependents.pop(stage.recipe, []):
            self._unmet[dependent.recipe] -= 1
            if self._unmet[dependent.recipe] == 0:
                self._advance(dependent)
