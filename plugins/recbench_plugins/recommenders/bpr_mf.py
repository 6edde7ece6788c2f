"""Matrix factorization trained by Bayesian personalized ranking.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit
Feedback", UAI 2009. Details that matter follow Milogradskii et al., "Revisiting BPR", RecSys 2024:
an item bias, interactions drawn uniformly, negatives never among the user's positives, and
regularization of the sampled rows only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import embedding, softplus

from recbench.contracts import (
    Adagrad,
    Batch,
    Differentiable,
    EarlyStopping,
    FitContext,
    Params,
    Problem,
    RelaxedProfiles,
    Tables,
    derive_seed,
    torch_rng,
)
from recbench.data import Interactions


@dataclass(frozen=True)
class BPRMF(Differentiable):
    """BPR-MF (Rendle et al., UAI 2009, eq. 2: maximize ln sigma(s_ui - s_uj) over positives i and negatives j).

    Args:
        dim: latent dimensions.
        lr: Adagrad's step size.
        l2: weight of the squared norms of a triple's rows and biases.
        epochs: passes over the interactions, at most.
        batch_size: triples a step.
        every, patience: validate every so many epochs, stop after so many without a new best.
    """

    dim: PositiveInt = 64
    lr: PositiveFloat = 0.1
    l2: NonNegativeFloat = 0.01
    epochs: PositiveInt = 60
    batch_size: PositiveInt = 4096
    every: PositiveInt = 10
    patience: PositiveInt = 2

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> BPRProblem:
        return BPRProblem(self, train, ctx.device, fakes)


@dataclass(frozen=True, eq=False)
class Triples(Batch):
    """User, positive and negative of each example; `entry` is its place in the fakes' weights, -1 for genuine users."""

    positives: Tensor
    negatives: Tensor
    entry: Tensor | None


class BPRProblem(Problem):
    """Triples over genuine interactions and the hard support of the fakes, whose losses the fakes' weights multiply."""

    perturbable = frozenset({"users", "items"})

    def __init__(self, model: BPRMF, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.fakes = fakes
        self.device = device
        self.n_users = train.n_users + (0 if fakes is None else len(fakes))
        self.n_items = train.n_items
        self.optimizer = Adagrad(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)
        users = torch.tensor(train.users, dtype=torch.int64, device=device)
        items = torch.tensor(train.items, dtype=torch.int64, device=device)
        self.entry = None
        if fakes is not None:
            # Only the hard support is sampled: a dense support would let the fakes fill most of the batches.
            kept = (fakes.weights.detach() >= 0.5).nonzero().squeeze(1)
            self.entry = torch.cat([users.new_full((len(users),), -1), kept])
            users = torch.cat([users, train.n_users + fakes.rows[kept]])
            items = torch.cat([items, fakes.items[kept]])
        self.negatives = NegativeSampler(users, items, self.n_users, self.n_items)
        trainable = self.negatives.free[users] > 0
        self.users, self.items = users[trainable], items[trainable]
        if self.entry is not None:
            self.entry = self.entry[trainable]

    def init(self, seed: int) -> Params:
        def normal(name: str, rows: int) -> Tensor:
            rng = torch_rng(seed, name, device=self.device)
            return torch.randn(rows, self.model.dim, generator=rng, device=self.device) * 0.1

        return {
            "users": normal("users", self.n_users),
            "items": normal("items", self.n_items),
            "bias": torch.zeros(self.n_items, 1, device=self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Triples]:
        rng = torch_rng(seed, "triples", epoch, device=self.device)
        order = torch.randperm(len(self.users), generator=rng, device=self.device)
        users, items = self.users[order], self.items[order]
        negatives = self.negatives.sample(users, rng)
        entry = None if self.entry is None else self.entry[order]
        for start in range(0, len(order), self.model.batch_size):
            step = slice(start, start + self.model.batch_size)
            yield Triples(
                users=users[step],
                seed=derive_seed(seed, epoch, start),
                positives=items[step],
                negatives=negatives[step],
                entry=None if entry is None else entry[step],
            )

    def encode(self, params: Params) -> Tables:
        return params if self.fakes is None else {**params, "fakes": self.fakes.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        users = embedding(batch.users, tables["users"])
        pair = torch.cat([batch.negatives, batch.positives])
        negatives, positives = embedding(pair, tables["items"]).chunk(2)
        bias_negatives, bias_positives = embedding(pair, tables["bias"]).squeeze(1).chunk(2)
        losses = softplus((users * (negatives - positives)).sum(1) + bias_negatives - bias_positives)
        if batch.entry is None:
            return losses
        weights = torch.where(batch.entry >= 0, tables["fakes"][batch.entry.clamp(min=0)], 1.0)
        return losses * weights

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        # The sampled rows' norms, by how often each row was sampled: no second gather.
        users = _counts(batch.users, params["users"])
        items = _counts(torch.cat([batch.positives, batch.negatives]), params["items"])
        squares = users @ _squares(params["users"]) + items @ (_squares(params["items"]) + _squares(params["bias"]))
        return self.model.l2 * squares / len(batch.users)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return torch.addmm(tables["bias"].T, tables["users"][users], tables["items"].T)


def _squares(table: Tensor) -> Tensor:
    """The squared norm of every row."""
    return (table * table).sum(1)


def _counts(rows: Tensor, table: Tensor) -> Tensor:
    """How often each row of `table` occurs in `rows`, without waiting for the device."""
    return table.new_zeros(len(table)).index_add(0, rows, table.new_ones(()).expand(len(rows)))


class NegativeSampler:
    """Items drawn uniformly among those that a user has not interacted with: exact, without rejection.

    A user's `k`-th item in ascending order has `item - k` free items below it, so the `r`-th free item
    is `r` plus the number of the user's items with `item - k <= r`: one binary search a draw.
    """

    def __init__(self, users: Tensor, items: Tensor, n_users: int, n_items: int) -> None:
        keys = (users * n_items + items).sort().values
        counts = torch.bincount(users, minlength=n_users)
        self.start = counts.cumsum(0) - counts
        owner = keys // n_items
        below = keys % n_items - (torch.arange(len(keys), device=keys.device) - self.start[owner])
        self.n_items = n_items
        self.keys = owner * n_items + below
        self.free = n_items - counts
        """int64 [n_users], the number of items each user could draw."""

    def sample(self, users: Tensor, rng: torch.Generator) -> Tensor:
        """One free item for each of `users`, all of which must have one."""
        uniform = torch.rand(len(users), generator=rng, device=users.device, dtype=torch.float64)
        drawn = (uniform * self.free[users]).long()
        taken = torch.searchsorted(self.keys, users * self.n_items + drawn, right=True) - self.start[users]
        return drawn + taken
