"""Adversarial training by embedding perturbation (adversarial personalized ranking).

He, He, Du, Chua, "Adversarial Personalized Ranking for Recommendation", SIGIR 2018. The step works on
the encoded tables, so it serves any differentiable recommender: a graph model is perturbed after
propagation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    Params,
    Problem,
    Protected,
    Recommender,
    RobustTraining,
    Tables,
    optimize,
)
from recbench.data import Interactions


@dataclass(frozen=True)
class AdversarialTraining(RobustTraining):
    """Minimize L(tables) + weight * L(tables + delta), delta the worst small move of every row (APR, eq. 6-9).

    Plain training comes first: from near-zero tables the perturbation would drown the signal.

    Args:
        eps: length of each row's perturbation, **as a share of its table's mean row length**. APR's
            absolute 0.5 means nothing across models whose embeddings differ in scale.
        weight: weight of the adversarial loss (lambda in the paper).
    """

    eps: NonNegativeFloat = 0.3
    weight: NonNegativeFloat = 1.0

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        assert isinstance(recommender, Differentiable)  # the component requires it
        problem = recommender.problem(train, ctx)
        plain = optimize(problem, ctx)
        return Protected(problem.finish(optimize(problem, ctx, self.step, start=plain)))

    def step(self, problem: Problem, params: Params, batch: Batch) -> Tensor:
        """The adversarial loss of one training step."""
        tables = problem.encode(params)
        loss = problem.losses(tables, batch).mean()
        moved = perturb(problem, tables, loss, self.eps)
        return loss + self.weight * problem.losses(moved, batch).mean() + problem.penalty(params, batch)


def perturb(problem: Problem, tables: Tables, loss: Tensor, eps: float) -> Tables:
    """Every perturbable row moved by `eps` mean row lengths along its gradient of `loss` (eq. 8: one linear step).

    The move is a constant for the outer gradient; rows that the loss does not touch stay where they are.
    """
    names = sorted(problem.perturbable)
    grads = torch.autograd.grad(loss, [tables[name] for name in names], retain_graph=True)
    moved = dict(tables)
    for name, grad in zip(names, grads, strict=True):
        radius = eps * tables[name].detach().norm(dim=1).mean()
        length = grad.norm(dim=1, keepdim=True)
        direction = torch.where(length > 0, grad / length.clamp(min=1e-30), torch.zeros_like(grad))
        moved[name] = tables[name] + radius * direction
    return moved
