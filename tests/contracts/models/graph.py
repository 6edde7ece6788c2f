"""A linear graph convolution over the user-item graph, trained on pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

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
    derive_seed,
    torch_rng,
)
from recbench.data.interactions import Interactions

from .feedback import feedback_matrix, gaussian

ADAM = Adam(0.05)


@dataclass(frozen=True)
class GraphConvolution(Differentiable):
    """He et al., "LightGCN", SIGIR 2020, eqs. 3, 4 and 15; without layers, BPR matrix factorization."""

    dim: int = 8
    l2: float = 0.0
    layers: int = 2
    epochs: int = 12
    batch: int = 256
    optimizer: Optimizer = ADAM

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> Problem:
        return _Problem(self, feedback_matrix(train, ctx, fakes), ctx.device)


@dataclass(frozen=True, eq=False)
class _Pairs(Batch):
    positives: Tensor
    negatives: Tensor


class _Problem(Problem):
    perturbable = frozenset({"users", "items"})

    def __init__(self, model: GraphConvolution, rows: Tensor, device: str) -> None:
        self.model, self.rows, self.device = model, rows, device
        self.n_users, self.n_items = rows.shape
        self.optimizer, self.epochs = model.optimizer, model.epochs

    def init(self, seed: int) -> Params:
        return {
            "users": gaussian(self.n_users, self.model.dim, 0.1, seed, "users", self.device),
            "items": gaussian(self.n_items, self.model.dim, 0.1, seed, "items", self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        # Positives are the hard support: over a dense one, fakes would dominate the sampling.
        consumed = self.rows.detach() >= 0.5
        users, positives = consumed.nonzero(as_tuple=True)
        rng = torch_rng(seed, "pairs", epoch, device=self.device)
        negatives = torch.multinomial((~consumed[users]).double(), 1, generator=rng).squeeze(1)
        order = torch.randperm(len(users), generator=rng, device=self.device)
        for step, chosen in enumerate(order.split(self.model.batch)):
            noise = derive_seed(seed, "noise", epoch, step)
            yield _Pairs(users[chosen], noise, positives[chosen], negatives[chosen])

    def encode(self, params: Params) -> Tables:
        # Normalized here, not in the constructor: the degrees carry the fakes' gradient too.
        users, items = params["users"], params["items"]
        adjacency = self.rows / (self.rows.sum(1, keepdim=True) + 1e-9).sqrt() / (self.rows.sum(0) + 1e-9).sqrt()
        layers = [(users, items)]
        for _ in range(self.model.layers):
            users, items = adjacency @ items, adjacency.T @ users
            layers.append((users, items))
        return {
            "users": torch.stack([users for users, _ in layers]).mean(0),
            "items": torch.stack([items for _, items in layers]).mean(0),
        }

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, _Pairs)
        users = tables["users"][batch.users]
        margins = (users * (tables["items"][batch.positives] - tables["items"][batch.negatives])).sum(1)
        return self.rows[batch.users, batch.positives] * softplus(-margins)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        assert isinstance(batch, _Pairs)
        users, positives = params["users"][batch.users], params["items"][batch.positives]
        negatives = params["items"][batch.negatives]
        return self.model.l2 * (users**2 + positives**2 + negatives**2).sum(1).mean()

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["users"][users] @ tables["items"].T
