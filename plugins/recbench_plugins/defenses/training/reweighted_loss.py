"""Reweighted loss: the worse the model fits an example, the less the example counts."""

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
    optimize,
)
from recbench.data import Interactions


@dataclass(frozen=True)
class ReweightedLoss(RobustTraining):
    """R-CE (Wang, Feng, He, Nie, Chua, "Denoising implicit feedback for recommendation", WSDM 2021, eq. 5-6).

    The paper weighs the cross-entropy of a positive by ŷ^β and of a negative by (1 - ŷ)^β. Both are exp(-β ℓ), ℓ the
    example's loss, which also reads the loss of a pair (-log σ(s_ui - s_uj)) as the likelihood that it is.

    Departure: the weight is exp(-β ℓ / ℓ̄), ℓ̄ the batch's mean loss, without gradient. A loss that sums over a user's
    whole row (wmf-sgd) is hundreds, and exp(-β ℓ) would be zero.

    Measured as for truncated-loss: clean NDCG@10 .228 to .198 on ml-100k and .420 to .408 on FilmTrust, rank gain 1.63
    to 1.53 and 3.92 to 3.68 bits.

    Args:
        beta: β; 0 is plain training.
    """

    beta: NonNegativeFloat = 0.25

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        assert isinstance(recommender, Differentiable)  # the component requires it
        problem = recommender.problem(train, ctx)
        return Protected(problem.finish(optimize(problem, ctx, self.step)))

    def step(self, problem: Problem, params: Params, batch: Batch) -> Tensor:
        """The loss of one training step."""
        losses = problem.losses(problem.encode(params), batch)
        return (confidence(losses, self.beta) * losses).mean() + problem.penalty(params, batch)


def confidence(losses: Tensor, beta: float) -> Tensor:
    """exp(-beta ℓ / ℓ̄) [b], a constant for the gradient."""
    fixed = losses.detach()
    weights: Tensor = (-beta * fixed / fixed.mean().clamp(min=1e-30)).exp()
    return weights
