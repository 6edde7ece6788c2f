"""Trained victims and attacks on them whose right answers are known, referred to by path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from recbench.contracts import (
    AttackerView,
    EvasionAttacker,
    FitContext,
    ParameterAttacker,
    Problem,
    Profiles,
    Recommender,
    Scorer,
    Tables,
)
from recbench.data.interactions import Histories, Interactions


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Scores an item by how near its number is to that of the last item read: rank 1 is the number after it."""

    trained_on: Histories
    n_items: int
    noise: Any = 0.0

    def score(self, users):
        return self.score_histories(
            Histories(
                np.concatenate([[0], np.cumsum(self.trained_on.lengths[users])]),
                np.concatenate([self.trained_on[user] for user in users]),
            )
        )

    def score_histories(self, histories: Histories):
        last = histories.items[histories.indptr[1:] - 1]
        distance = (np.arange(self.n_items) - last[:, None] - 1) % self.n_items
        return -(distance + self.noise).astype(np.float64)


@dataclass(frozen=True)
class Reads(Recommender):
    component: ClassVar[dict[str, Any]] = {"name": "reads", "provides": {"sequential"}}

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Neighbours(train.histories, train.n_items)


@dataclass(frozen=True)
class NeverTheSame(Recommender):
    component: ClassVar[dict[str, Any]] = {"name": "never-the-same", "provides": {"sequential"}}

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Neighbours(train.histories, train.n_items, noise=1000 * np.random.default_rng().random(train.n_items))


def appended(histories: Histories, items: list[int]) -> Histories:
    """Every history and the items, those that it has left out."""
    lists = [np.concatenate([histories[k], np.setdiff1d(items, histories[k])]) for k in range(len(histories))]
    return Histories(np.concatenate([[0], np.cumsum([len(each) for each in lists])]), np.concatenate(lists))


@dataclass(frozen=True)
class LeadsTo(EvasionAttacker):
    """Adds the item after which the first target comes."""

    component: ClassVar[dict[str, Any]] = {"name": "leads-to", "provides": {"evasion"}, "knowledge": set()}

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        before = (int(view.targets[0]) - 1) % view.n_items
        # Once more where it was read long ago: then nothing may be added, and nothing is.
        return appended(histories, [before])


@dataclass(frozen=True)
class AddsNothing(EvasionAttacker):
    component: ClassVar[dict[str, Any]] = {"name": "adds-nothing", "provides": {"evasion"}, "knowledge": set()}

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        return histories


@dataclass(frozen=True)
class AddsTooMuch(EvasionAttacker):
    component: ClassVar[dict[str, Any]] = {"name": "adds-too-much", "provides": {"evasion"}, "knowledge": set()}

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        free = np.setdiff1d(np.arange(view.n_items), view.targets)
        return appended(histories, free[: view.budget.sizes.max() + histories.lengths.max() + 1].tolist())


@dataclass(frozen=True)
class ReadsTheData(EvasionAttacker):
    component: ClassVar[dict[str, Any]] = {"name": "reads-the-data", "provides": {"evasion"}, "knowledge": {"victim"}}

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        assert len(view.observed)
        return histories


@dataclass(frozen=True)
class LooksAtLists(EvasionAttacker):
    """Adds what is shown first to a reader of item 0, and is refused a second deployment."""

    component: ClassVar[dict[str, Any]] = {"name": "looks-at-lists", "provides": {"evasion"}, "knowledge": {"queries"}}

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        deployment = view.queries.deploy(Profiles.empty())
        first = deployment.recommend(Histories(np.array([0, 1]), np.zeros(1, np.int32)), 3)
        assert first.tolist() == [[1, 2, 3]]
        assert deployment.recommend(np.arange(2), 4).shape == (2, 4)
        return histories


@dataclass(frozen=True)
class Scales(ParameterAttacker):
    """Makes every row of a table longer by a share."""

    share: float = 0.05
    component: ClassVar[dict[str, Any]] = {"name": "scales", "provides": {"parameter"}, "knowledge": {"victim"}}

    def perturb(self, view: AttackerView, problem: Problem, tables: Tables) -> Tables:
        return {**tables, "users": tables["users"] * (1 + self.share)}


@dataclass(frozen=True)
class Overwrites(ParameterAttacker):
    """Moves the tables where they lie, far beyond the ball."""

    component: ClassVar[dict[str, Any]] = {"name": "overwrites", "provides": {"parameter"}, "knowledge": {"victim"}}

    def perturb(self, view: AttackerView, problem: Problem, tables: Tables) -> Tables:
        tables["users"].mul_(2.0)
        view.victim.tables["items"].mul_(2.0)  # type: ignore[attr-defined]
        return tables
