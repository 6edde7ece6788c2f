"""What is timed: pieces of the matrix's own work on data that is the same everywhere."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Any, Literal

import numpy as np

from recbench.component import GOALS, KNOWLEDGE, Component, Kind
from recbench.contracts import FitContext, Persistent, RatingScale, Scorer
from recbench.data.catalog import Catalog
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.data.splits import ratio_split
from recbench.data.synthetic import power_law
from recbench.errors import PluginError, RecbenchError, suggestion
from recbench.matrix.cells import Cell, Lineup
from recbench.matrix.choices import Choice, Resolver
from recbench.matrix.craft import craft, fakes_of
from recbench.matrix.identity import Circumstances
from recbench.matrix.instances import instance
from recbench.matrix.prepare import draw_targets
from recbench.matrix.prepared import Prepared
from recbench.matrix.sanitize import sanitize
from recbench.matrix.stages import Recipes, Stage
from recbench.matrix.suite import Suite, TargetRule, Threat
from recbench.matrix.surroundings import context, fit_seed, poison
from recbench.plugins import Plugins
from recbench.store import Artifact

Track = Literal["implicit", "explicit"]
Unit = Literal["interactions", "users", "profiles"]

TIMED: tuple[Kind, ...] = ("recommender", "attacker", "defense")
BATCHES = (1, 256, 4096)
"""Users scored at once."""
VICTIM = "bpr-mf"
"""Whom robust training protects and white-box attackers see: the model of most published figures."""
DENSITY = 50
"""Interactions a user in the data, where it is large enough for so many; there are as many items as users."""
SIZE = 0.03
"""Fakes, as a share of the genuine users."""
SCALE = RatingScale(1, 5, 1)
SEED = 0
DATA = Component("dataset", "power-law", "recbench.data.synthetic:power_law", provides=frozenset({"ratings"}))


class NotTimed(Exception):
    """A component that cannot be timed here; the message says why."""


@dataclass(frozen=True, eq=False)
class Work:
    """One piece of work.

    Args:
        call: does it.
        amount, unit: how much of what one call does.
    """

    call: Callable[[], Any]
    amount: int
    unit: Unit


@dataclass(frozen=True, eq=False)
class Bench:
    """Makes pieces of work of components.

    Args:
        plugins: what is installed.
        circumstances: device and threads.
        users: how many users, and how many items, the data has.
    """

    plugins: Plugins
    circumstances: Circumstances
    users: int

    def fit(self, reference: str) -> Work:
        """Train a recommender."""
        stage = self._stage("fit", self._choice("recommender", reference))
        recommender, ctx, train = self._training(stage)
        return Work(lambda: recommender.fit(_unread(train), ctx), len(train), "interactions")

    def score(self, reference: str, batch: int) -> Work:
        """Score every item for a batch of users, by a recommender that is trained before."""
        scorer = self._scorer(reference)
        users = np.random.default_rng(SEED).integers(0, self.users, batch)
        return Work(lambda: scorer.score(users), batch, "users")

    def craft(self, reference: str) -> Work:
        """Craft all profiles of an attack, the check of the budget included.

        Raises:
            NotTimed: it crafts none.
        """
        stage = self._stage("profiles", self._choice("attacker", reference))
        inputs = {"prepared": self._data(stage)}
        return Work(lambda: craft(stage.arguments, inputs), fakes_of(SIZE, self.users), "profiles")

    def inspect(self, reference: str) -> Work:
        """Let a detector judge the users of clean data."""
        stage = self._stage("verdict", self._choice("defense", reference))
        inputs = {"prepared": self._data(stage)}
        return Work(lambda: sanitize(stage.arguments, inputs), self.users, "users")

    def robust_fit(self, reference: str) -> Work:
        """Train the victim robustly."""
        stage = self._stage("fit", self._choice("defense", reference))
        recommender, ctx, train = self._training(stage)
        training = instance(stage.arguments["training"])
        return Work(lambda: training.fit(recommender, _unread(train), ctx), len(train), "interactions")

    @lru_cache(maxsize=1)  # noqa: B019  (a bench lives as long as its session)
    def _scorer(self, reference: str) -> Scorer:
        scorer: Scorer = self.fit(reference).call()
        return scorer

    def _training(self, stage: Stage) -> tuple[Any, FitContext, Interactions]:
        prepared = Prepared.of(self._data(stage))
        clean = poison(prepared, None, 0)
        recommender = stage.arguments["recommender"]
        ctx = context(prepared, clean, stage.arguments, fit_seed(stage.arguments, recommender["name"]))
        return instance(recommender), ctx, clean.data

    def _choice(self, kind: Kind, reference: str) -> Choice:
        (choice,) = Resolver(self.plugins).choices(kind, [reference])
        if choice.broken:
            raise NotTimed(choice.broken)
        return choice

    def _stage(self, name: str, choice: Choice) -> Stage:
        """The stage of that name of a cell that the component takes part in, on the track and with the goal it serves.

        Raises:
            NotTimed: there is no such cell.
        """
        component = choice.component
        rated = "ratings" in component.requires_data or "implicit" not in component.feedback
        track: Track = "explicit" if rated else "implicit"
        goal = next(goal for goal in GOALS if component.serves(goal, track))
        suite = Suite(
            name="throughput",
            version="1",
            datasets=(DATA.name,),
            recommenders=(VICTIM,),
            feedback=track,
            threat=Threat(goal=goal, sizes=(SIZE,), offers=KNOWLEDGE),
        )
        roles: dict[str, Any] = {component.kind: choice}
        try:
            roles.setdefault("recommender", choice if component.kind == "recommender" else self._victim)
        except RecbenchError as error:
            raise NotTimed(str(error)) from error
        lineup = Lineup(suite, Choice(DATA, {"track": track}), **roles)
        if reason := lineup.obstacle(self.circumstances.device):
            raise NotTimed(reason)
        if name == "profiles" and lineup.perturbs:
            raise NotTimed(f"attacker '{component.name}' attacks a trained victim and crafts no profiles")
        cell = Cell(lineup, SEED, SIZE if component.kind == "attacker" else 0.0)
        return self._recipes.evaluate(cell).inputs[name]

    @cached_property
    def _victim(self) -> Choice:
        return self._choice("recommender", VICTIM)

    @cached_property
    def _recipes(self) -> Recipes:
        return Recipes(self.circumstances, Resolver(self.plugins).differentiable(), [])

    def _data(self, stage: Stage) -> Artifact:
        return prepared(self.users, stage.inputs["prepared"].arguments["feedback"])


@cache
def prepared(users: int, track: Track) -> Artifact:
    """The data on one track, split, with its targets, as stages read it.

    Raises:
        DataError: too few users to draw data for.
    """
    data = power_law(users, users, min(DENSITY, users // 10) * users, SEED)
    split = ratio_split(data if track == "explicit" else binarize(data), SEED)
    targets = draw_targets(split.train, TargetRule().model_dump(), SEED)
    return Prepared(split, targets, Catalog(), SCALE if track == "explicit" else None).artifact()


def _unread(train: Interactions) -> Interactions:
    """The same arrays, without what has been counted in them: a fit of the matrix has to count anew, too."""
    return replace(train, _trusted=True)


def parameters(scorer: object) -> int | None:
    """How many numbers a trained model is made of; None where it does not tell."""
    if not isinstance(scorer, Persistent):
        return None
    return sum(array.size for array in scorer.state().values() if np.issubdtype(array.dtype, np.floating))


def chosen(plugins: Plugins, patterns: Iterable[str]) -> list[Component]:
    """The recommenders, attackers and defenses that match one of the names or globs; all of them where there is none.

    Raises:
        PluginError: a pattern that matches nothing.
    """
    known = [component for kind in TIMED for component in plugins.components(kind)]
    names = [component.name for component in known]
    found: set[str] = set()
    for pattern in patterns:
        if not (matched := fnmatch.filter(names, pattern)):
            raise PluginError(f"no {', '.join(TIMED)} is called '{pattern}'{suggestion(pattern, names)}")
        found.update(matched)
    return [component for component in known if not found or component.name in found]
