"""Weighted matrix factorization by alternating least squares, over all cells of the matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import FitContext, Recommender, SparsePattern, torch_rng
from recbench.data import Interactions

BY_SIZE = 340.0
"""The default alpha0, times the geometric mean of the numbers of users and items."""
TINY = 1e-30
"""In denominators that are zero where a row is solved exactly; its step is then zero."""


@dataclass(frozen=True)
class IALS(Recommender):
    """iALS (Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008) with the
    frequency-scaled regularization of Rendle, Krichene, Zhang, Koren, "Revisiting the performance of iALS on item
    recommendation benchmarks", RecSys 2022, eq. 3 at nu = 1:

        sum over interactions of (p_u'q_i - 1)² + alpha0 · sum over all cells of (p_u'q_i)²
        + lam · [sum_u (|I_u| + alpha0 n_items) |p_u|² + sum_i (|U_i| + alpha0 n_users) |q_i|²].

    Given the items, every user's row has the closed form

        (sum over I_u of q_i q_i' + alpha0 Q'Q + lam (|I_u| + alpha0 n_items) I) p_u = sum over I_u of q_i,

    and the other way round; users and then items are one epoch. All rows are solved at once by a few steps of
    conjugate gradients from where they stand (Takács, Pilászy, Tikk, "Applications of the conjugate gradient method
    for implicit feedback collaborative filtering", RecSys 2011): a step costs one pass over the interactions, where a
    Cholesky factorization a row costs `dim` of them, and no row is padded. On an explicit track every rating counts as
    a positive.

    What alpha0 should be depends on the size of the data: .3 suits ml-100k, halves the quality on lastfm and finds
    next to nothing on Gowalla, which .01 suits. Reckoned from the geometric mean of the numbers of users and items, one
    value suits all data sets that it was tried on; see docs/validation/recommenders.md. The other defaults were chosen
    on a validation part of ml-100k.

    Args:
        dim: latent dimensions.
        alpha0: weight of every cell, observed or not; an interaction weighs 1 more. None is 340 over
            sqrt(n_users n_items).
        lam: L2 regularization.
        scale: sigma* in the paper, about the norm of an initial row.
        steps: conjugate gradients steps of a half-epoch; `dim` of them solve exactly.
        epochs: at most.
        every, patience: validate every so many epochs, stop after so many without a new best.
    """

    dim: PositiveInt = 64
    alpha0: PositiveFloat | None = None
    lam: NonNegativeFloat = 0.015
    scale: PositiveFloat = 0.1
    steps: PositiveInt = 3
    epochs: PositiveInt = 8
    every: PositiveInt = 2
    patience: PositiveInt = 2

    def fit(self, train: Interactions, ctx: FitContext) -> FactorScorer:
        consumed = SparsePattern(
            torch.tensor(train.indptr, device=ctx.device),
            torch.tensor(train.items, dtype=torch.int64, device=ctx.device),
            train.n_items,
        )
        consumers = consumed.transposed[1]
        users, items = self._start(ctx, "users", train.n_users), self._start(ctx, "items", train.n_items)
        best, best_quality, waited = FactorScorer(users, items), float("-inf"), 0
        for epoch in range(self.epochs):
            users = self.solved(consumed, users, items)
            items = self.solved(consumers, items, users)
            if ctx.validate is None:
                best = FactorScorer(users, items)
            elif (epoch + 1) % self.every == 0 or epoch + 1 == self.epochs:
                scorer = FactorScorer(users, items)
                if (quality := ctx.validate(scorer)) > best_quality:
                    best, best_quality, waited = scorer, quality, 0
                elif (waited := waited + 1) >= self.patience:
                    break
        return best

    def _start(self, ctx: FitContext, name: str, rows: int) -> Tensor:
        rng = torch_rng(ctx.seed, name, device=ctx.device)
        return torch.randn(rows, self.dim, generator=rng, device=ctx.device) * self.scale / math.sqrt(self.dim)

    def solved(self, pattern: SparsePattern, rows: Tensor, columns: Tensor) -> Tensor:
        """The rows [n, dim] moved towards the closed form of theirs that belongs to fixed columns [m, dim].

        Args:
            pattern: the interactions of rows with columns, [n, m].
            rows: where conjugate gradients start.
            columns: the other side.
        """
        alpha0 = self.alpha0 or BY_SIZE / math.sqrt(len(rows) * len(columns))
        everywhere = alpha0 * columns.T @ columns
        ridge = self.lam * (pattern.indptr.diff()[:, None] + alpha0 * len(columns))

        def product(x: Tensor) -> Tensor:
            """What stands on the left of the closed form, for every row."""
            return torch.addcmul(x @ everywhere, ridge, x) + pattern.matmul(pattern.sampled(x, columns), columns)

        residual = pattern.matmul(columns.new_ones(len(pattern.cols)), columns) - product(rows)
        direction, square = residual, (residual * residual).sum(1, keepdim=True)
        for _ in range(self.steps):
            image = product(direction)
            length = square / ((direction * image).sum(1, keepdim=True) + TINY)
            rows = rows + length * direction
            residual = residual - length * image
            last, square = square, (residual * residual).sum(1, keepdim=True)
            direction = residual + square / (last + TINY) * direction
        return rows


@dataclass(frozen=True, eq=False)
class FactorScorer:
    """Scores that are inner products of user and item factors, [n_users, dim] and [n_items, dim]."""

    users: Tensor
    items: Tensor

    def score(self, users: NDArray[np.integer]) -> Tensor:
        """Scores of every item for `users` [b]: float32 [b, n_items]."""
        return self.users[torch.tensor(users, dtype=torch.int64, device=self.users.device)] @ self.items.T

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The two tables, by name."""
        return {"users": self.users.cpu().numpy(), "items": self.items.cpu().numpy()}
