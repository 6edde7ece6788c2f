"""Weighted matrix factorization, trained by gradient on whole rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from recbench.contracts import (
    Adam,
    Batch,
    Differentiable,
    FitContext,
    Optimizer,
    Params,
    Problem,
    RelaxedProfiles,
    Tables,
)
from recbench.data.interactions import Interactions

from .feedback import feedback_matrix, gaussian, user_batches

ADAM = Adam(0.1)


@dataclass(frozen=True)
class MatrixFactorization(Differentiable):
    """Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008, eq. 3."""

    dim: int = 5
    epochs: int = 40
    batch: int = 128
    optimizer: Optimizer = ADAM
    confidence: float = 3.0
    l2: float = 1e-3

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> Problem:
        return _Problem(self, feedback_matrix(train, ctx, fakes), ctx.device)


class _Problem(Problem):
    perturbable = frozenset({"users", "items"})

    def __init__(self, model: MatrixFactorization, rows: Tensor, device: str) -> None:
        self.model, self.rows, self.device = model, rows, device
        self.n_users, self.n_items = rows.shape
        self.optimizer, self.epochs = model.optimizer, model.epochs

    def init(self, seed: int) -> Params:
        return {
            "users": gaussian(self.n_users, self.model.dim, 0.1, seed, "users", self.device),
            "items": gaussian(self.n_items, self.model.dim, 0.1, seed, "items", self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        return user_batches(self.n_users, self.model.batch, seed, epoch, self.device)

    def encode(self, params: Params) -> Tables:
        return params

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        wanted = self.rows[batch.users]
        return ((1 + self.model.confidence * wanted) * (wanted - self.scores(tables, batch.users)) ** 2).mean(1)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        return self.model.l2 * ((params["users"][batch.users] ** 2).mean() + (params["items"] ** 2).mean())

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["users"][users] @ tables["items"].T
