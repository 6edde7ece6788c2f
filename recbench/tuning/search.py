"""The search: as many trials for every recommender, each in a worker of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from recbench.errors import SuiteError
from recbench.execution import Limits, Task, TaskResult
from recbench.matrix.cells import Cell, Lineup
from recbench.matrix.choices import Choice, Resolver
from recbench.matrix.identity import Circumstances
from recbench.matrix.preload import preloaded
from recbench.matrix.prepare import prepare
from recbench.matrix.prepared import Prepared
from recbench.matrix.run import Start, limits_of, on_this_machine
from recbench.matrix.stages import Recipes, Stage
from recbench.matrix.suite import Suite
from recbench.plugins import Plugins
from recbench.seeds import derive_seed
from recbench.specs import resolved_params
from recbench.store import Artifact, Store
from recbench.tuning.space import Space
from recbench.tuning.trial import Measure, trial

PREPARED = "prepared"


@dataclass(frozen=True)
class Tried:
    """One trial.

    Args:
        values: of the parameters that are searched.
        quality: on validation, higher is better (an error is negative), or None where the trial failed.
        reason: why it failed, or nothing.
        cpu_seconds: of its worker.
    """

    values: Mapping[str, Any]
    quality: float | None
    reason: str
    cpu_seconds: float


@dataclass(eq=False)
class Search:
    """The trials of one recommender, one after the other: each is drawn by what the earlier ones found.

    Args:
        space: what is searched.
        stage: the fit that a run would make with the defaults.
        measure: what `quality` is.
        study: Optuna's, which proposes.
        tried: so far; the first trial is of the defaults.
    """

    space: Space
    stage: Stage
    measure: Measure
    study: optuna.Study
    tried: list[Tried] = field(default_factory=list)

    @classmethod
    def of(cls, space: Space, cell: Cell, stage: Stage) -> Search:
        """A search that proposes the same for the same split, whatever else is searched beside it."""
        seed = derive_seed(cell.seed, "tune", cell.dataset.name, space.component.name) % 2**32
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        study.enqueue_trial(dict(space.default))
        rated = cell.suite.feedback == "explicit" and "ratings" in space.component.provides
        return cls(space, stage, "rmse" if rated else "ndcg@10", study)

    @property
    def best(self) -> Tried | None:
        """The best trial, the earliest of equals; None where all failed."""
        return max((each for each in self.tried if each.quality is not None), key=_quality, default=None)

    def propose(self, key: str, limits: Limits) -> tuple[optuna.trial.Trial, Task]:
        """The next trial, and the task that carries it out."""
        proposed = self.study.ask(dict(self.space.searched))
        params = resolved_params(self.space.component, {**self.space.fixed, **self.space.rounded(proposed.params)})
        recommender = {**self.stage.arguments["recommender"], "params": params}
        arguments = {**self.stage.arguments, "recommender": recommender, "measure": self.measure}
        function = f"{trial.__module__}:{trial.__name__}"
        label = f"trial {len(self.tried)} of {self.space.name}"
        return proposed, Task(key, function, arguments, {"prepared": PREPARED}, limits, label)

    def learn(self, proposed: optuna.trial.Trial, result: TaskResult, store: Store) -> Tried:
        """Note what became of a proposal."""
        quality = store.meta(result.task.key)["quality"] if result.status == "ok" else None
        reason = "" if quality is not None else f"{result.status}: {result.reason}"
        tried = Tried(self.space.rounded(proposed.params), quality, reason, result.cpu_seconds)
        self.tried.append(tried)
        self.study.tell(proposed, quality, TrialState.FAIL if quality is None else TrialState.COMPLETE)
        return tried


def _quality(tried: Tried) -> float:
    assert tried.quality is not None
    return tried.quality


def search(
    suite: Suite,
    spaces: Sequence[Space],
    plugins: Plugins,
    trials: int,
    seed: int = 0,
    jobs: int = 1,
    circumstances: Circumstances | None = None,
    told: Callable[[Search, Tried], None] = lambda search, tried: None,
    start: Start = on_this_machine,
) -> list[Search]:
    """Search every space by as many trials.

    No trial is given the test part: it is taken out of the data before the first one starts.

    Args:
        suite: of one data set; how it is split, and what a fit may spend.
        spaces: one a recommender.
        plugins: where the suite's references point.
        trials: for each of them.
        seed: the split seed.
        jobs: recommenders at once.
        circumstances: device and threads of a fit; by default the CPU and one.
        told: called after every trial.
        start: makes the executor.

    Raises:
        SuiteError: another number of data sets than one, a recommender that the data is not fit for, or nothing to
            validate on.
        RecbenchError: the data set is unknown or cannot be had.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    where = circumstances or Circumstances()
    searches = _searches(suite, spaces, plugins, seed, where)
    limits = limits_of(suite, where)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.put(PREPARED, without_test(prepare(searches[0].stage.inputs["prepared"].arguments, {})))
        with closing(start(store, jobs, preloaded(space.component for space in spaces))) as executor:
            running: dict[str, tuple[Search, optuna.trial.Trial]] = {}

            def submit(each: Search) -> None:
                key = f"trial-{searches.index(each)}-{len(each.tried)}"
                proposed, task = each.propose(key, limits)
                running[key] = (each, proposed)
                executor.submit(task)

            for each in searches:
                submit(each)
            while running:
                result = executor.next()
                assert result is not None
                each, proposed = running.pop(result.task.key)
                told(each, each.learn(proposed, result, store))
                if len(each.tried) < trials:
                    submit(each)
    return searches


def _searches(
    suite: Suite, spaces: Sequence[Space], plugins: Plugins, seed: int, circumstances: Circumstances
) -> list[Search]:
    resolver = Resolver(plugins)
    datasets = resolver.choices("dataset", suite.datasets)
    if len(datasets) != 1:
        names = ", ".join(choice.name for choice in datasets)
        raise SuiteError(f"values are found on one data set, not on {len(datasets)} ({names}); name one")
    recipes = Recipes(circumstances, [], [])
    searches = []
    for space in spaces:
        start = {**space.fixed, **space.default}
        recommender = Choice(space.component, resolved_params(space.component, start))
        lineup = Lineup(suite, datasets[0], recommender)
        if reason := lineup.broken or lineup.obstacle(circumstances.device):
            raise SuiteError(f"{reason}; tune it by a suite whose track and data it is made for")
        cell = Cell(lineup, seed)
        searches.append(Search.of(space, cell, recipes.evaluate(cell).inputs["fit"]))
    return searches


def without_test(artifact: Artifact) -> Artifact:
    """The prepared data with an empty test part.

    Raises:
        SuiteError: nothing is left to validate on.
    """
    prepared = Prepared.of(artifact)
    split = prepared.split
    if not len(split.validation):
        raise SuiteError("the suite's split sets nothing aside for validation; give it a share of its own")
    nothing = split.test.select(np.zeros(len(split.test), dtype=np.bool_))
    return replace(prepared, split=replace(split, test=nothing)).artifact()
