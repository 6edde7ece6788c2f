"""A denoising autoencoder of users' rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
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
    torch_rng,
)
from recbench.data.interactions import Interactions

from .feedback import feedback_matrix, gaussian, user_batches

ADAM = Adam(0.05)


@dataclass(frozen=True)
class Autoencoder(Differentiable):
    """Liang et al., "Variational autoencoders for collaborative filtering", WWW 2018: Mult-DAE, eq. 2."""

    hidden: int = 8
    epochs: int = 15
    batch: int = 32
    optimizer: Optimizer = ADAM
    dropout: float = 0.2

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> Problem:
        return _Problem(self, feedback_matrix(train, ctx, fakes), ctx.device)


class _Problem(Problem):
    perturbable = frozenset({"encoder", "decoder"})

    def __init__(self, model: Autoencoder, rows: Tensor, device: str) -> None:
        self.model, self.rows, self.device = model, rows, device
        self.n_users, self.n_items = rows.shape
        self.optimizer, self.epochs = model.optimizer, model.epochs

    def init(self, seed: int) -> Params:
        return {
            "encoder": gaussian(self.n_items, self.model.hidden, 0.3, seed, "encoder", self.device),
            "decoder": gaussian(self.model.hidden, self.n_items, 0.3, seed, "decoder", self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        return user_batches(self.n_users, self.model.batch, seed, epoch, self.device)

    def encode(self, params: Params) -> Tables:
        return {**params, "rows": self.rows}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        rows = tables["rows"][batch.users]
        rng = torch_rng(batch.seed, "dropout", device=self.device)
        noise = torch.rand(rows.shape, generator=rng, device=self.device)
        kept = rows * (noise >= self.model.dropout)
        return -(rows * self.scores_rows(tables, kept).log_softmax(1)).sum(1)

    def scores_rows(self, tables: Tables, rows: Tensor) -> Tensor:
        norms = ((rows**2).sum(1, keepdim=True) + 1e-9).sqrt()
        return torch.tanh(rows / norms @ tables["encoder"]) @ tables["decoder"]

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return self.scores_rows(tables, tables["rows"][users])
