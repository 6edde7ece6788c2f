"""Triples of a user, a positive and a negative item: what recommenders trained on pairs of items sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import embedding

from recbench.contracts import Batch, RelaxedProfiles, derive_seed, torch_rng
from recbench.data import Interactions


@dataclass(frozen=True, eq=False)
class Triples(Batch):
    """User, positive and negative of each example; `entry` is its place in the fakes' weights, -1 for genuine users."""

    positives: Tensor
    negatives: Tensor
    entry: Tensor | None

    def weighted(self, losses: Tensor, fakes: Tensor | None) -> Tensor:
        """The losses [b], those of fakes multiplied by the weights of their interactions, `fakes` [nnz]."""
        if self.entry is None or fakes is None:
            return losses
        return losses * torch.where(self.entry >= 0, fakes[self.entry.clamp(min=0)], 1.0)

    def narrowed(self, users: str, items: Sequence[str]) -> tuple[dict[str, Tensor], Triples]:
        """The distinct rows of the tables of these names that the triples are of, and the triples in their numbers."""
        of_users, by_user = torch.unique(self.users, return_inverse=True)
        pairs = torch.stack([self.positives, self.negatives])
        of_items, (positives, negatives) = torch.unique(pairs, return_inverse=True)
        narrowed = replace(self, users=by_user, positives=positives, negatives=negatives)
        return {users: of_users, **dict.fromkeys(items, of_items)}, narrowed

    def sum_squares(self, users: Tensor, items: Tensor) -> Tensor:
        """The sum over the triples of the squared norms of their three rows, given those of all rows, [n] and [m]."""
        # By how often each row was sampled: no gather of rows.
        by_item = _counts(torch.cat([self.positives, self.negatives]), items)
        return _counts(self.users, users) @ users + by_item @ items


def rows(table: Tensor, at: Tensor) -> Tensor:
    """The rows `at` [b] of a table, [b, d], whose gradient a device adds up in one order.

    On a CPU `index_select` adds as `embedding` does, to the bit, and faster; on a GPU it adds in any order.
    """
    return table.index_select(0, at) if table.device.type == "cpu" else embedding(at, table)


def squares(table: Tensor) -> Tensor:
    """The squared norm of every row."""
    return (table * table).sum(1)


def _counts(rows: Tensor, like: Tensor) -> Tensor:
    """How often each row occurs in `rows`, without waiting for the device."""
    return like.new_zeros(len(like)).index_add(0, rows, like.new_ones(()).expand(len(rows)))


class TripleSampler:
    """Every genuine interaction and the hard support of the fakes once an epoch, each with a negative drawn for it."""

    def __init__(self, train: Interactions, fakes: RelaxedProfiles | None, device: str) -> None:
        self.n_users = train.n_users + (0 if fakes is None else len(fakes))
        self.device = device
        users = torch.tensor(train.users, dtype=torch.int64, device=device)
        items = torch.tensor(train.items, dtype=torch.int64, device=device)
        self.entry = None
        if fakes is not None:
            # Only the hard support is sampled: a dense support would let the fakes fill most of the batches.
            kept = (fakes.weights.detach() >= 0.5).nonzero().squeeze(1)
            self.entry = torch.cat([users.new_full((len(users),), -1), kept])
            users = torch.cat([users, train.n_users + fakes.rows[kept]])
            items = torch.cat([items, fakes.items[kept]])
        self.negatives = NegativeSampler(users, items, self.n_users, train.n_items)
        trainable = self.negatives.free[users] > 0
        self.users, self.items = users[trainable], items[trainable]
        if self.entry is not None:
            self.entry = self.entry[trainable]

    def batches(self, seed: int, epoch: int, size: int) -> Iterator[Triples]:
        """The triples of one epoch in random order."""
        rng = torch_rng(seed, "triples", epoch, device=self.device)
        order = torch.randperm(len(self.users), generator=rng, device=self.device)
        users, items = self.users[order], self.items[order]
        negatives = self.negatives.sample(users, rng)
        entry = None if self.entry is None else self.entry[order]
        for start in range(0, len(order), size):
            step = slice(start, start + size)
            yield Triples(
                users=users[step],
                seed=derive_seed(seed, epoch, start),
                positives=items[step],
                negatives=negatives[step],
                entry=None if entry is None else entry[step],
            )


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
