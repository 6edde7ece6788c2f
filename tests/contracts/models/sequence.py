"""Next-item prediction by attention that fades with distance."""

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
    FittedProblem,
    Optimizer,
    Params,
    Problem,
    RelaxedProfiles,
    Scorer,
    Tables,
)
from recbench.data.interactions import Histories, Interactions

from .feedback import gaussian, user_batches

ADAM = Adam(0.1)


@dataclass(frozen=True)
class RecencyAttention(Differentiable):
    """Attention pooling with a linear distance bias (Press, Smith, Lewis, "ALiBi", ICLR 2022).

    The distance between two clicks is the *weight* of the clicks between them, so a relaxed click of
    weight 0 is no click at all: a dense support and the profile projected from it read the same.
    """

    dim: int = 12
    length: int = 40
    epochs: int = 12
    batch: int = 64
    optimizer: Optimizer = ADAM
    slope: float = 1.0

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> Problem:
        return _Problem(self, train, fakes, ctx.device)


def _padded(indptr: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Where in the flat items each place [b, length] reads, padded at the left, and whether it reads at all."""
    at = indptr[1:, None] + torch.arange(-length, 0, device=indptr.device)
    real = at >= indptr[:-1, None]
    return at.clamp(min=0), real


class _Problem(Problem):
    perturbable = frozenset({"items"})

    def __init__(
        self, model: RecencyAttention, train: Interactions, fakes: RelaxedProfiles | None, device: str
    ) -> None:
        self.model, self.device = model, device
        self.optimizer, self.epochs, self.n_items = model.optimizer, model.epochs, train.n_items
        self.clicked = torch.tensor(train.items, dtype=torch.int64, device=device)
        self.weights = torch.ones(len(train), device=device)
        self.indptr = torch.tensor(train.indptr, device=device)
        if fakes is not None:
            self.clicked = torch.cat([self.clicked, fakes.items])
            self.weights = torch.cat([self.weights, fakes.weights])
            self.indptr = torch.cat([self.indptr, self.indptr[-1] + fakes.indptr[1:]])
        self.n_users = len(self.indptr) - 1
        self.length = min(model.length, int(self.indptr.diff().max()))
        self.at, self.real = _padded(self.indptr, self.length)

    def init(self, seed: int) -> Params:
        return {
            "items": gaussian(self.n_items, self.model.dim, 0.3, seed, "items", self.device),
            "mix": gaussian(self.model.dim, self.model.dim, 0.3, seed, "mix", self.device),
            "query": gaussian(1, self.model.dim, 0.3, seed, "query", self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        return user_batches(self.n_users, self.model.batch, seed, epoch, self.device)

    def encode(self, params: Params) -> Tables:
        return params

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        at = self.at[batch.users]
        clicked, weights = self.clicked[at], self.weights[at] * self.real[batch.users]
        # Place t is predicted from the places before it; the first click of a user from nothing.
        states = self._pooled(tables, tables["items"][clicked], weights)[:, :-1]
        surprise = -(states @ tables["items"].T).log_softmax(2).gather(2, clicked[:, 1:, None]).squeeze(2)
        return (weights[:, 1:] * surprise).sum(1)

    def _pooled(self, tables: Tables, embedded: Tensor, weights: Tensor) -> Tensor:
        """The state after each place, [b, length, dim]."""
        passed = weights.cumsum(1)
        distance = passed[:, :, None] - passed[:, None, :]
        earlier = torch.ones(embedded.shape[1], embedded.shape[1], device=self.device).tril()
        attention = (embedded @ tables["query"][0])[:, None, :] - self.model.slope * distance.clamp(min=0)
        shares = torch.exp(attention) * earlier * weights[:, None, :]
        return (shares / (shares.sum(2, keepdim=True) + 1e-9)) @ embedded @ tables["mix"]

    def embed(self, tables: Tables, histories: Histories) -> tuple[Tensor, Tensor]:
        indptr = torch.tensor(histories.indptr, device=self.device)
        at, real = _padded(indptr, int(min(self.model.length, histories.lengths.max())))
        clicked = torch.tensor(histories.items, dtype=torch.int64, device=self.device)
        return tables["items"][clicked[at]] * real[:, :, None], real

    def scores_embedded(self, tables: Tables, embedded: Tensor, mask: Tensor) -> Tensor:
        return self._pooled(tables, embedded, mask.to(embedded))[:, -1] @ tables["items"].T

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        at, real = self.at[users], self.real[users]
        weights = self.weights[at] * real
        return self._pooled(tables, tables["items"][self.clicked[at]], weights)[:, -1] @ tables["items"].T

    def finish(self, params: Params) -> Scorer:
        return _Fitted(self, {name: table.detach() for name, table in params.items()})


@dataclass(frozen=True, eq=False)
class _Fitted(FittedProblem):
    def score_histories(self, histories: Histories) -> Tensor:
        assert isinstance(self.problem, _Problem)
        with torch.no_grad():
            return self.problem.scores_embedded(self.tables, *self.problem.embed(self.tables, histories))
