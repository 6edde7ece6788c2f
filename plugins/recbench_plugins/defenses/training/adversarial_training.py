"""Adversarial training by embedding perturbation (adversarial personalized ranking).

He, He, Du, Chua, "Adversarial Personalized Ranking for Recommendation", SIGIR 2018. The step works on
the encoded tables, so it serves any differentiable recommender: a graph model is perturbed after
propagation.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from recbench_plugins.defenses.training.table_gradients import along, carried, detached, gradient


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
        at = detached(tables)
        loss = problem.losses(at, batch).mean()
        slopes = gradient(loss, at)
        moved = perturb(problem, at, slopes, self.eps)
        worse = problem.losses(moved, batch).mean()
        # The move is a constant: the gradient at the moved tables is that at the tables.
        total = {name: slopes[name] + self.weight * slope for name, slope in gradient(worse, moved).items()}
        return carried(loss + self.weight * worse, tables, total) + problem.penalty(params, batch)


def perturb(problem: Problem, tables: Tables, slopes: Tables, eps: float) -> Tables:
    """Every perturbable row moved by `eps` mean row lengths along its gradient (eq. 8: one linear step).

    The move is a constant for the outer gradient; rows that the loss does not touch stay where they are.

    Args:
        problem: says which tables may move.
        tables: what the loss was computed from.
        slopes: its gradient there.
        eps: in mean row lengths.
    """
    moved = dict(tables)
    for name in sorted(problem.perturbable):
        radius = eps * tables[name].detach().norm(dim=1).mean()
        moved[name] = tables[name] + radius * along(slopes[name])
    return moved
