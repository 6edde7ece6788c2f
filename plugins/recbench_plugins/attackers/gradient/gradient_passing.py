"""Gradient passing: what one step of a surrogate's training learns of a pair is passed on to those around it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recbench.contracts import (
    Batch,
    Params,
    Problem,
    RecbenchError,
    RelaxedProfiles,
    SparsePattern,
    Tables,
)
from recbench.data import Interactions


class GradientPassing(Problem):
    """A surrogate's problem whose gradients are passed along interactions, so that fewer steps train it (Wu, Cao, Tao,
    Zhang, Sun, Shen, "Accelerating the surrogate retraining for poisoning attacks against recommender systems", RecSys
    2024). Losses and scores are the surrogate's own.

    With G the gradient of the rows z of users and items, a step descends

        G + sum over k = 1 .. 2 hops of a_k M_k^k G,

    where M_k is the bipartite graph of genuine and fake interactions, each entry divided by the root of both degrees.
    For even k, a_k is `even` and all edges count; for odd k it is `odd`, and only edges (a, b) count that the step
    would drive apart, z_a · G_b + z_b · G_a > 0.

    **It takes fewer epochs at first, but no less time here.** On ml-100k, a fifth held out, `bpr-mf` of 32 dimensions,
    one run each: with the paper's optimizer (Adam, .01) and even = 1 the loss after 2 epochs is .431 and after 4 .366,
    where plainly it is .545 and .374, but an epoch costs three times the CPU time (.37 s; .12 s), so that precision@10
    is .166 after 1.5 s and plainly .178 after 1.0 s. With the released even = 10 it is ahead for 2 epochs (.525) and
    behind after 4 (.492). With `bpr-mf`'s own optimizer, Adagrad, and even = 10 precision@10 is .185 after 5 epochs and
    2.1 s, plainly .183 after .7 s; `wmf-sgd`, whose steps are over all users already, it harms (.121 after 10 epochs;
    plainly .174).

    Departure: the rows are the parameters `users` and `items`; a model that propagates them is passed the gradient of
    what it propagates.

    Args:
        inner: the surrogate's problem.
        train: the genuine interactions.
        fakes: whom the problem is bound to; of their support the entries of weight 1/2 and more are edges.
        hops, odd, even: see above; the released code's.
    """

    def __init__(
        self,
        inner: Problem,
        train: Interactions,
        fakes: RelaxedProfiles | None = None,
        hops: int = 2,
        odd: float = 1.0,
        even: float = 10.0,
    ) -> None:
        self.inner = inner
        self.n_users, self.n_items, self.device = inner.n_users, inner.n_items, inner.device
        self.optimizer, self.epochs, self.early_stopping = inner.optimizer, inner.epochs, inner.early_stopping
        self.perturbable = inner.perturbable
        self.hops, self.odd, self.even = hops, odd, even
        self.edges = _edges(train, fakes, inner.device)
        ones = torch.ones(len(self.edges.cols), device=inner.device)
        by_user = self.edges.row_sums(ones)
        by_item = torch.bincount(self.edges.cols, minlength=self.n_items).to(ones)
        self.shares = (by_user[self.edges.rows] * by_item[self.edges.cols]).rsqrt()

    def init(self, seed: int) -> Params:
        return self.inner.init(seed)

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        return self.inner.batches(seed, epoch)

    def encode(self, params: Params) -> Tables:
        return self.inner.encode(params)

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        return self.inner.losses(tables, batch)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        return self.inner.penalty(params, batch)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return self.inner.scores(tables, users)

    def gradients(self, params: Params, batch: Batch) -> Params:
        if not {"users", "items"} <= params.keys():
            raise RecbenchError("gradients are passed between rows of users and items; this surrogate has none")
        gradients = self.inner.gradients(params, batch)
        own = gradients["users"], gradients["items"]
        apart = self.edges.sampled(own[0], params["items"]) + self.edges.sampled(params["users"], own[1])
        odd = self._passed(own, torch.where(apart.detach() > 0, self.shares, 0.0), range(1, 2 * self.hops, 2))
        even = self._passed(own, self.shares, range(2, 2 * self.hops + 1, 2))
        users, items = (
            one + self.odd * first + self.even * second for one, first, second in zip(own, odd, even, strict=True)
        )
        return {**gradients, "users": users, "items": items}

    def _passed(self, rows: tuple[Tensor, Tensor], shares: Tensor, kept: range) -> tuple[Tensor, Tensor]:
        """The sum, over the numbers of hops in `kept`, of what arrives after so many."""
        users, items = rows
        sums = torch.zeros_like(users), torch.zeros_like(items)
        for hop in range(1, max(kept, default=0) + 1):
            users, items = self.edges.matmul(shares, items), self.edges.matmul_t(shares, users)
            if hop in kept:
                sums = sums[0] + users, sums[1] + items
        return sums


def _edges(train: Interactions, fakes: RelaxedProfiles | None, device: str) -> SparsePattern:
    indptr = torch.tensor(train.indptr, device=device)
    items = torch.tensor(train.items, dtype=torch.int64, device=device)
    if fakes is not None:
        held = fakes.weights.detach() >= 0.5
        counts = torch.zeros(len(fakes), dtype=torch.int64, device=device).index_add(0, fakes.rows, held.long())
        indptr = torch.cat([indptr, indptr[-1] + counts.cumsum(0)])
        items = torch.cat([items, fakes.items[held]])
    return SparsePattern(indptr, items, train.n_items)
