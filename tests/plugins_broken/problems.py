"""Differentiable recommenders with one mistake each; BPR but for that."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from recbench.component import Component
from recbench.contracts import torch_rng
from recbench_plugins.recommenders.bpr_mf import BPRMF, BPRProblem
from recbench_plugins.recommenders.item_knn import ItemKNN
from recbench_plugins.recommenders.wmf_sgd import WMFSGD, WMFProblem


@dataclass(frozen=True)
class Small(BPRMF):
    """BPR, small enough for a check to take a second."""

    dim: int = 8
    lr: float = 0.2
    epochs: int = 30

    problem_class = BPRProblem

    def problem(self, train, ctx, fakes=None):
        return self.problem_class(self, train, ctx.device, fakes)


class FirstTables(BPRProblem):
    """D7: keeps the item table that it has seen first."""

    kept = None

    def scores(self, tables, users):
        if self.kept is None:
            self.kept = tables["items"]
        return super().scores({**tables, "items": self.kept}, users)


class DetachedPenalty(BPRProblem):
    """D19: the regularization is computed without gradient."""

    def penalty(self, params, batch):
        return super().penalty({name: value.detach() for name, value in params.items()}, batch)


class WatchedLoss(BPRProblem):
    """D15: looks at the loss of every step from the host."""

    def losses(self, tables, batch):
        losses = super().losses(tables, batch)
        assert losses.max().item() >= 0
        return losses


class HalfFakes(BPRProblem):
    """D22: fakes enter the loss with half the weight that they have in the data."""

    def encode(self, params):
        return params if self.fakes is None else {**params, "fakes": self.fakes.weights / 2}


class OneStream(BPRProblem):
    """D49: all tables are drawn from one stream, users first."""

    def init(self, seed):
        rng = torch_rng(seed, "all", device=self.device)
        draw = lambda rows: 0.1 * torch.randn(rows, self.model.dim, generator=rng, device=self.device)  # noqa: E731
        bias = torch.zeros(self.n_items, 1, device=self.device)
        return {"users": draw(self.n_users), "items": draw(self.n_items), "bias": bias}


class DetachedFakes(BPRProblem):
    """D20: the loss does not depend on the fakes' weights."""

    def encode(self, params):
        return params if self.fakes is None else {**params, "fakes": self.fakes.weights.detach()}


class ForgottenPenalty(WMFProblem):
    """The gradient in closed form leaves the items' regularization out."""

    def gradients(self, params, batch):
        right = super().gradients(params, batch)
        return {**right, "items": right["items"] - 2 * self.model.l2 / self.n_users * params["items"]}


class OfFirstTables(Small):
    problem_class = FirstTables


class OfDetachedPenalty(Small):
    problem_class = DetachedPenalty


class OfWatchedLoss(Small):
    problem_class = WatchedLoss


class OfHalfFakes(Small):
    problem_class = HalfFakes


class OfOneStream(Small):
    problem_class = OneStream


class OfDetachedFakes(Small):
    problem_class = DetachedFakes


@dataclass(frozen=True)
class OfForgottenPenalty(WMFSGD):
    """Weighted MF, trained by gradients that are not its own."""

    dim: int = 8
    l2: float = 5.0
    epochs: int = 30

    def problem(self, train, ctx, fakes=None):
        return ForgottenPenalty(self, train, ctx.device, fakes)


class FitsAnotherModel(Small):
    """D21: what is evaluated is not what the problem describes."""

    def fit(self, train, ctx):
        return ItemKNN().fit(train, ctx)


def _of(name: str) -> Component:
    return Component("recommender", name.lower(), f"{__name__}:{name}", provides={"differentiable"})


BROKEN = {
    "its problem is a pure function of its parameters": _of("OfFirstTables"),
    "its gradients equal finite differences": _of("OfDetachedPenalty"),
    "its closed form gradients are those of its losses": _of("OfForgottenPenalty"),
    "a training step does not wait for the device": _of("OfWatchedLoss"),
    "training its problem reaches what fit reaches": _of("FitsAnotherModel"),
    "relaxed fakes of weight one train as the same users in the data": _of("OfHalfFakes"),
    "fakes do not change the initialization of others": _of("OfOneStream"),
    "the weights of fakes receive gradient through training": _of("OfDetachedFakes"),
}
