"""Defenses with one mistake each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from recbench.component import Component
from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    Params,
    Problem,
    Protected,
    Recommender,
    RobustTraining,
    Sanitizer,
    Verdict,
    numpy_rng,
    optimize,
)
from recbench.data import Interactions
from recbench_plugins.defenses.detection.degree_sad import DegreeSAD
from recbench_plugins.defenses.detection.pca_varselect import PCAVarSelect
from recbench_plugins.defenses.training.adversarial_training import AdversarialTraining


@dataclass(frozen=True)
class ForgetsTheSilent(PCAVarSelect):
    """It judges the users that it met in the data, and answers for fewer than there are."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        verdict, active = super().inspect(train, ctx), train.user_counts > 0
        return Verdict(verdict.suspicion[active], verdict.keep[active])


@dataclass(frozen=True)
class RemovesATenth(PCAVarSelect):
    """D32: it "knows" how many fakes there are (Leg-UP's detector is given the true count)."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        suspicion = super().inspect(train, ctx).suspicion
        return Verdict(suspicion, suspicion <= np.quantile(suspicion, 0.9))


@dataclass(frozen=True)
class SuspectsTheLast(PCAVarSelect):
    """D42: of two users who look alike the one with the higher id is the more suspicious."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        verdict = super().inspect(train, ctx)
        place = np.arange(train.n_users) / train.n_users
        return replace(verdict, suspicion=verdict.suspicion + 0.1 * verdict.suspicion.std() * place)


@dataclass(frozen=True)
class UpsideDown(Sanitizer):
    """D11: the sign of what is measured is arbitrary (RecAD and SDLib, PCA), and here it came out wrong."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(-PCAVarSelect().inspect(train, ctx).suspicion, np.ones(train.n_users, dtype=np.bool_))


@dataclass(frozen=True)
class UpsideDownBeside(AdversarialTraining):
    """D11 again, of a detector that is trained beside the recommender."""

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        suspicion = -PCAVarSelect().inspect(train, ctx).suspicion
        return replace(super().fit(recommender, train, ctx), suspicion=suspicion)


@dataclass(frozen=True)
class SuspectsTheLastBeside(AdversarialTraining):
    """D42 of such a detector: fakes are found by their ids too, since that is where attacks append them."""

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        suspicion = PCAVarSelect().inspect(train, ctx).suspicion
        place = np.arange(train.n_users) / train.n_users
        return replace(super().fit(recommender, train, ctx), suspicion=suspicion + suspicion.std() * place)


@dataclass(frozen=True)
class LikeTheMany(Sanitizer):
    """It suspects those whose items are popular and knows nothing else: other fakes escape."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        popularity = train.csr @ train.item_counts / np.maximum(train.user_counts, 1)
        return Verdict(popularity, np.ones(train.n_users, dtype=np.bool_))


@dataclass(frozen=True)
class JudgesItsExamples(DegreeSAD):
    """It looks for fakes in all that it has, the examples appended, and finds those best."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        verdict = super().inspect(train, ctx)
        if ctx.examples is None:
            return verdict
        known = np.ones(len(ctx.examples))
        return Verdict(np.concatenate([verdict.suspicion, known]), np.concatenate([verdict.keep, known == 0]))


@dataclass(frozen=True)
class NeverLooks(PCAVarSelect):
    """It is called supervised, and is given examples that it never reads."""


@dataclass(frozen=True)
class NeverProtects(RobustTraining):
    """Its perturbation has length zero: the "protected" model is the plain one."""

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        assert isinstance(recommender, Differentiable)
        return Protected(recommender.fit(train, ctx))


@dataclass(frozen=True)
class ReadsEveryNumber(AdversarialTraining):
    """Its loss and the length of every table go through Python, at every step."""

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        assert isinstance(recommender, Differentiable)
        problem = recommender.problem(train, ctx)
        return Protected(problem.finish(optimize(problem, ctx, self.step)))

    def step(self, problem: Problem, params: Params, batch: Batch) -> Tensor:
        loss = super().step(problem, params, batch)
        if not all(math.isfinite(float(each.detach().norm())) for each in (loss, *params.values())):
            raise ValueError("the training diverges; lower the learning rate")
        return loss


@dataclass(frozen=True, eq=False)
class Noise:
    """Scores by lot."""

    seed: int
    n_items: int

    def score(self, users: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        table = numpy_rng(self.seed, "noise").random((int(users.max()) + 1, self.n_items))
        return np.asarray(table[users])


@dataclass(frozen=True)
class RecommendsAnything(AdversarialTraining):
    """No attack moves its lists, and nobody can use them."""

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        return Protected(Noise(ctx.seed, train.n_items))


def _component(name: str, broken: type, supervised: bool = False, **facts: Any) -> Component:
    detects = issubclass(broken, Sanitizer)
    return Component(
        "defense",
        name,
        f"{__name__}:{broken.__name__}",
        provides=frozenset({"sanitizer" if detects else "robust-training", *["supervised"] * supervised}),
        requires_recommender=frozenset() if detects else frozenset({"differentiable"}),
        family="detection" if detects else "training",
        **facts,
    )


BROKEN = {
    "a verdict fits the data": _component("forgets-the-silent", ForgetsTheSilent),
    "genuine users stay where nobody attacked": _component("removes-a-tenth", RemovesATenth),
    "neither ids nor the order of rows change a verdict": _component("suspects-the-last", SuspectsTheLast),
    "a training suspects nobody for standing last": _component("suspects-the-last-beside", SuspectsTheLastBeside),
    "the fakes that it is made for are more suspicious than chance": _component("upside-down", UpsideDown),
    "examples are judged by nobody": _component("judges-its-examples", JudgesItsExamples, supervised=True),
    "what is supervised learns from its examples": _component("never-looks", NeverLooks, supervised=True),
    "robust training changes the model": _component("never-protects", NeverProtects),
    "robust training keeps the quality on clean data": _component("recommends-anything", RecommendsAnything),
}
"""The one of each check."""

ALSO = {
    "a training step does not wait for the device": [_component("reads-every-number", ReadsEveryNumber)],
    "the fakes that it is made for are more suspicious than chance": [
        _component("upside-down-beside", UpsideDownBeside),
        _component("like-the-many", LikeTheMany, detects={"random"}),
    ],
}
"""More mistakes that a check must catch and no other check may."""
