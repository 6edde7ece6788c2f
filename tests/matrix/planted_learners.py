"""Supervised defenses and attackers of named families, referred to by path; suspicion tells what was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from recbench.contracts import (
    AttackerView,
    FitContext,
    PoisoningAttacker,
    Profiles,
    Protected,
    Recommender,
    RobustTraining,
    Sanitizer,
    Verdict,
    numpy_rng,
)
from recbench.data.interactions import Interactions


def shown(train: Interactions, ctx: FitContext) -> np.ndarray:
    """How many examples there are, of everybody; -1 without any."""
    return np.full(train.n_users, -1.0 if ctx.examples is None else len(ctx.examples))


@dataclass(frozen=True)
class Learns(Sanitizer):
    component: ClassVar[dict[str, Any]] = {"provides": {"sanitizer", "supervised"}}

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(shown(train, ctx), np.ones(train.n_users, dtype=bool))


@dataclass(frozen=True)
class LearnsTraining(RobustTraining):
    component: ClassVar[dict[str, Any]] = {"provides": {"robust-training", "supervised"}}

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        return Protected(recommender.fit(train, ctx), shown(train, ctx))


@dataclass(frozen=True)
class LearnsNothing(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(shown(train, ctx), np.ones(train.n_users, dtype=bool))


@dataclass(frozen=True)
class Clicks(PoisoningAttacker):
    """As many random items as it may, the targets first."""

    component: ClassVar[dict[str, Any]] = {"knowledge": {"statistics"}, "family": "clicking"}

    def craft(self, view: AttackerView) -> Profiles:
        keys = numpy_rng(view.seed, "fillers").random((view.budget.n_profiles, view.n_items))
        keys[:, view.targets] += 1
        places = np.argsort(np.argsort(-keys, axis=1), axis=1)
        return Profiles.from_dense(places < view.budget.sizes[:, None])


@dataclass(frozen=True)
class Counts(Clicks):
    component: ClassVar[dict[str, Any]] = {"knowledge": {"statistics"}, "family": "counting"}


@dataclass(frozen=True)
class Nameless(Clicks):
    component: ClassVar[dict[str, Any]] = {"knowledge": {"statistics"}}


@dataclass(frozen=True)
class Greedy(PoisoningAttacker):
    """One item too many."""

    component: ClassVar[dict[str, Any]] = {"knowledge": set(), "family": "greedy"}

    def craft(self, view: AttackerView) -> Profiles:
        return Profiles.from_dense(np.arange(view.n_items)[None, :] <= view.budget.sizes[:, None])
