"""Components whose right answers are known, referred to by path: `planted_components.py:Popular`."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from recbench.contracts import (
    AttackerView,
    Certificate,
    FitContext,
    PoisoningAttacker,
    Profiles,
    Protected,
    Recommender,
    RobustTraining,
    Sanitizer,
    Scorer,
    Verdict,
)
from recbench.data.interactions import Interactions
from recbench.seeds import numpy_rng


@dataclass(frozen=True, eq=False)
class Counts:
    """Scores items by how often they were interacted with."""

    counts: Any

    def score(self, users):
        return np.broadcast_to(self.counts, (len(users), len(self.counts)))

    def predict(self, users, items):
        return self.counts[items]


@dataclass(frozen=True)
class Popular(Recommender):
    weight: float = 1.0

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Counts(train.item_counts.astype(np.float32) * self.weight)


@dataclass(frozen=True)
class DrawsGlobally(Recommender):
    """Learns nothing from the data: scores are drawn from generators that it has never seeded."""

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Counts(self.draw(train.n_items))

    def draw(self, count: int) -> Any:
        import torch

        return np.random.rand(count) + random.random() + torch.rand(count).numpy()  # noqa: NPY002


@dataclass(frozen=True)
class Dawdles(Popular):
    """Time enough for a machine to be lost meanwhile."""

    component: ClassVar[dict[str, Any]] = {"name": "dawdles"}

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        time.sleep(3.0)
        return super().fit(train, ctx)


@dataclass(frozen=True)
class OfYear(Recommender):
    """Prefers items whose title names a year."""

    component: ClassVar[dict[str, Any]] = {"name": "of-year", "requires_data": {"titles"}}
    year: int = 1997

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Counts(np.array([f"({self.year})" in title for title in ctx.catalog.titles], dtype=np.float32))


@dataclass(frozen=True)
class RatesByCount(Popular):
    component: ClassVar[dict[str, Any]] = {"name": "rates-by-count", "provides": {"ratings"}}


@dataclass(frozen=True)
class Breaks(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        raise RuntimeError("the planted failure")


@dataclass(frozen=True)
class NotFinite(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Counts(np.full(train.n_items, np.nan, dtype=np.float32))


def fill(view: AttackerView, extra: int = 0) -> Profiles:
    """The targets and random fillers, `extra` items beyond the budget."""
    rng = numpy_rng(view.seed, "fillers")
    profiles = []
    for size in view.budget.sizes + extra:
        others = rng.permutation(np.setdiff1d(np.arange(view.n_items), view.targets))
        profiles.append(np.concatenate([rng.permutation(view.targets), others])[:size])
    rows = np.repeat(np.arange(len(profiles)), [len(profile) for profile in profiles])
    items = np.concatenate(profiles)
    ratings = None if view.budget.scale is None else np.full(len(items), view.budget.scale.high)
    return Profiles.from_pairs(rows, items, len(profiles), ratings)


@dataclass(frozen=True)
class Fills(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        return fill(view)


@dataclass(frozen=True)
class Overspends(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        return fill(view, extra=1)


@dataclass(frozen=True)
class Peeks(PoisoningAttacker):
    component: ClassVar[dict[str, Any]] = {"knowledge": {"statistics"}}

    def craft(self, view: AttackerView) -> Profiles:
        assert view.statistics.counts.sum() > 0
        return fill(view) if len(view.observed) else Profiles.empty()


@dataclass(frozen=True)
class CountsItems(PoisoningAttacker):
    component: ClassVar[dict[str, Any]] = {"knowledge": {"interactions"}}

    def craft(self, view: AttackerView) -> Profiles:
        assert view.statistics.counts.sum() == len(view.observed)
        return fill(view)


@dataclass(frozen=True)
class TrainsSurrogate(PoisoningAttacker):
    name: str = "bpr-mf"
    component: ClassVar[dict[str, Any]] = {"knowledge": {"interactions", "surrogate"}}

    def craft(self, view: AttackerView) -> Profiles:
        view.surrogate(self.name, dim=4)
        return fill(view)


@dataclass(frozen=True)
class Asks(PoisoningAttacker):
    """Crafts one profile: the list that the victim, poisoned with the targets, shows to user 0."""

    component: ClassVar[dict[str, Any]] = {"knowledge": {"queries"}}

    def craft(self, view: AttackerView) -> Profiles:
        first = view.queries.deploy(fill(view))
        second = view.queries.deploy(fill(view))
        assert np.array_equal(first.recommend(np.arange(3), 4), second.recommend(np.arange(3), 4))
        shown = first.recommend(np.array([0]), int(view.budget.sizes[0]))[0]
        return Profiles.from_pairs(np.zeros(len(shown), np.int64), shown, 1)


@dataclass(frozen=True)
class AsksTooOften(PoisoningAttacker):
    component: ClassVar[dict[str, Any]] = {"knowledge": {"queries"}}

    def craft(self, view: AttackerView) -> Profiles:
        for _ in range(100):
            view.queries.deploy(fill(view))
        return fill(view)


@dataclass(frozen=True)
class Dissects(PoisoningAttacker):
    """White box and adaptive: copies the victim's favourite items into a profile that the defense keeps."""

    component: ClassVar[dict[str, Any]] = {"knowledge": {"victim", "defense"}}

    def craft(self, view: AttackerView) -> Profiles:
        assert view.defense is None or hasattr(view.defense, "inspect")
        best = np.argsort(-view.victim.score(np.array([0]))[0], kind="stable")[: view.budget.sizes[0]]
        return Profiles.from_pairs(np.zeros(len(best), np.int64), best, 1)


@dataclass(frozen=True)
class KeepsAll(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(train.user_counts.astype(float), np.ones(train.n_users, dtype=bool))


@dataclass(frozen=True)
class RemovesBuyersOf(Sanitizer):
    """Suspects whoever has the item."""

    item: int = 0

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        has = np.zeros(train.n_users, dtype=bool)
        has[train.users[train.items == self.item]] = True
        return Verdict(has.astype(float), ~has)


@dataclass(frozen=True)
class RemovesEverybody(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(np.zeros(train.n_users), np.zeros(train.n_users, dtype=bool))


@dataclass(frozen=True)
class SuspectsLong(RobustTraining):
    """Trains as usual and suspects long histories."""

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        return Protected(recommender.fit(train, ctx), train.user_counts.astype(float))


@dataclass(frozen=True)
class ProvesLengths(RobustTraining):
    """Trains as usual and claims of each user's list what nobody proved: its history's length, up to `k`."""

    k: int = 20

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        kept = np.minimum(train.user_counts, 20)[:, None].repeat(3, axis=1)
        return Protected(recommender.fit(train, ctx), certificate=Certificate(self.k, kept, confidence=0.99))


@dataclass(frozen=True)
class NeedsSequence(SuspectsLong):
    component: ClassVar[dict[str, Any]] = {"requires_recommender": {"sequential"}}


@dataclass(frozen=True)
class Ranks(RobustTraining):
    """Of what a model scores it keeps no more than the scores."""

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        return Protected(Scores(recommender.fit(train, ctx)))


@dataclass(frozen=True, eq=False)
class Scores:
    scorer: Scorer

    def score(self, users):
        return self.scorer.score(users)
