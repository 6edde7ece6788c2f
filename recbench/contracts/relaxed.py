"""`RelaxedProfiles`: fake profiles that carry gradient, and the one projection back to discrete ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from recbench.contracts.profiles import Profiles
from recbench.contracts.threat import Budget
from recbench.seeds import numpy_rng

if TYPE_CHECKING:
    from torch import Tensor

NO_ITEMS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class RelaxedProfiles:
    """Sparse fake profiles whose weights, and ratings where there are any, carry gradient.

    Args:
        indptr: int64 [m + 1]; the support of profile `k` is `items[indptr[k]:indptr[k + 1]]`, in click order.
        items: int64 [nnz].
        weights: [nnz], how much each interaction is there; 1 is an ordinary interaction, 0 is none.
        ratings: [nnz] on the data set's scale, or None for implicit feedback.
        n_items: size of the catalogue.
    """

    indptr: Tensor
    items: Tensor
    weights: Tensor
    n_items: int
    ratings: Tensor | None = None

    @classmethod
    def dense(cls, weights: Tensor, ratings: Tensor | None = None) -> RelaxedProfiles:
        """Profiles over the whole catalogue from weights [m, n_items] (and ratings of the same shape)."""
        m, n_items = weights.shape
        return cls(
            indptr=torch.arange(m + 1, device=weights.device) * n_items,
            items=torch.arange(n_items, device=weights.device).repeat(m),
            weights=weights.reshape(-1),
            n_items=n_items,
            ratings=None if ratings is None else ratings.reshape(-1),
        )

    @classmethod
    def of(cls, profiles: Profiles, n_items: int, device: str = "cpu") -> RelaxedProfiles:
        """Discrete profiles as relaxed ones of weight 1."""
        return cls(
            indptr=torch.tensor(profiles.indptr, device=device),
            items=torch.tensor(profiles.items, dtype=torch.int64, device=device),
            weights=torch.ones(len(profiles.items), device=device),
            n_items=n_items,
            ratings=None if profiles.ratings is None else torch.tensor(profiles.ratings, device=device),
        )

    @classmethod
    def heaviest(
        cls,
        blocks: Iterable[Tensor],
        sizes: NDArray[np.int64],
        always: NDArray[np.integer] = NO_ITEMS,
        never: NDArray[np.integer] = NO_ITEMS,
    ) -> RelaxedProfiles:
        """Of profiles over the whole catalogue the entries that `project`, asked for the same, may keep; no gradient.

        Args:
            blocks: weights [b, n_items] of some profiles after the other, of which no more than one is held at a time.
            sizes: int64 [m], of all profiles in turn.
            always, never: as in `project`.

        Raises:
            FloatingPointError: a weight is not finite.
        """
        found, start = [], 0
        for block in blocks:
            weights = block.detach().cpu().numpy()
            _refuse_infinite(weights)
            keys = weights.copy()
            keys[:, never], keys[:, always] = -np.inf, np.inf
            places = np.maximum(sizes[start : start + len(keys)], len(always))
            # Everything exactly as heavy as the lightest comes along: its lots are for the projection to draw.
            kept = np.flatnonzero(keys >= _nth_heaviest(keys.copy(), places)[:, None])
            rows, items = np.divmod(kept, keys.shape[1])
            found.append((start + rows, items, weights.reshape(-1)[kept]))
            start += len(keys)
        rows, items, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
        indptr = np.searchsorted(rows, np.arange(start + 1))
        return cls(
            indptr=torch.tensor(indptr, device=block.device),
            items=torch.tensor(items, device=block.device),
            weights=torch.tensor(weights, device=block.device),
            n_items=block.shape[1],
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def rows(self) -> Tensor:
        """int64 [nnz], the profile of each entry."""
        return torch.repeat_interleave(torch.arange(len(self), device=self.indptr.device), self.indptr.diff())

    def matrix(self) -> Tensor:
        """Weights as a dense matrix [m, n_items] that carries their gradient."""
        empty = self.weights.new_zeros(len(self) * self.n_items)
        return empty.index_add(0, self.rows * self.n_items + self.items, self.weights).reshape(len(self), self.n_items)

    def shuffled(self, seed: int) -> RelaxedProfiles:
        """The same profiles in the click order that `project` draws with `seed`: for surrogates that read it."""
        everything = np.arange(len(self.items))
        order = torch.tensor(self._in_click_order(everything, seed), device=self.items.device)
        return replace(
            self,
            items=self.items[order],
            weights=self.weights[order],
            ratings=None if self.ratings is None else self.ratings[order],
        )

    def _in_click_order(self, entries: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Some entries by profile and, within each, by lot; each entry has a lot of its own, whichever these are."""
        lots = numpy_rng(seed, "click-order").permutation(len(self.items))[entries]
        # One sort of whole numbers, which was seen ten times faster than NumPy's `lexsort`.
        return entries[np.argsort(self.rows.cpu().numpy()[entries] * len(self.items) + lots)]


def _kept(
    relaxed: RelaxedProfiles, budget: Budget, seed: int, always: NDArray[np.integer], never: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Which entries survive: in each profile the heaviest, as many as the budget allows, seeded ties."""
    rows = relaxed.rows.cpu().numpy()
    items = relaxed.items.cpu().numpy()
    weights = relaxed.weights.detach().double().cpu().numpy().copy()
    _refuse_infinite(weights)
    first = _members(always, relaxed.n_items)[items]
    if first.sum() < len(np.unique(always)) * len(relaxed):
        k = int(np.argmin(np.bincount(rows, first, len(relaxed))))
        raise ValueError(f"profile {k} does not hold every item of `always` in its support; add the targets to it")
    weights[first] = np.inf
    weights[_members(never, relaxed.n_items)[items]] = -np.inf
    lightest = _lightest_kept(weights, relaxed.indptr.cpu().numpy(), rows, budget.sizes)
    kept: NDArray[np.bool_] = weights > lightest[rows]
    # Only entries exactly as heavy as that are in doubt, and mostly all of them fit: lots for every entry cost time.
    tied = np.flatnonzero((weights == lightest[rows]) & (weights > -np.inf))
    left = budget.sizes - np.bincount(rows[kept], minlength=len(relaxed))
    count = np.bincount(rows[tied], minlength=len(relaxed))
    if (count > left).any():
        lots = numpy_rng(seed, "projection-ties").permutation(len(weights))
        tied = tied[np.lexsort((lots[tied], rows[tied]))]
        place = np.arange(len(tied)) - np.repeat(np.cumsum(count) - count, count)
        tied = tied[place < left[rows[tied]]]
    kept[tied] = True
    return kept


def _refuse_infinite(weights: NDArray[np.floating]) -> None:
    if not np.isfinite(weights).all():
        raise FloatingPointError("relaxed profiles hold weights that are not finite; lower the attack's step size")


def _members(items: NDArray[np.integer], n_items: int) -> NDArray[np.bool_]:
    """Whether each item of the catalogue [n_items] is one of these; looking it up is faster than `np.isin`."""
    members = np.zeros(n_items, dtype=np.bool_)
    members[items] = True
    return members


def _lightest_kept(
    weights: NDArray[np.float64], indptr: NDArray[np.int64], rows: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.floating]:
    """The weight [m] of each profile's `sizes[k]`-th heaviest entry, or of its lightest where it has fewer."""
    lengths = np.diff(indptr)
    width = int(lengths.max(initial=1))
    table = np.full((len(lengths), width), -np.inf)
    table[rows, np.arange(len(rows)) - np.repeat(indptr[:-1], lengths)] = weights
    return _nth_heaviest(table, sizes)


def _nth_heaviest(table: NDArray[np.floating], places: NDArray[np.int64]) -> NDArray[np.floating]:
    """The `places[k]`-th largest number of row k of a table [m, width] that is sorted in place, or the least, [m]."""
    table.sort(axis=1)
    width = table.shape[1]
    return np.asarray(table[np.arange(len(table)), np.clip(width - places, 0, width - 1)])


def project(
    relaxed: RelaxedProfiles,
    budget: Budget,
    seed: int,
    always: NDArray[np.integer] = NO_ITEMS,
    never: NDArray[np.integer] = NO_ITEMS,
) -> Profiles:
    """The discrete profiles nearest to `relaxed`: the only way from relaxed to discrete.

    Each profile keeps its `budget.sizes[k]` heaviest entries, **by weight, never by rating**; equal
    weights are decided by a seeded permutation, never by item id. Items in `always` (the targets of a
    push) come first and count; items in `never` are dropped. Ratings are rounded to the scale. The click
    order of a profile is drawn by lot.

    Raises:
        FloatingPointError: a weight is not finite.
        ValueError: the support of a profile lacks an item of `always`.
    """
    # Support order is often item order, in which no genuine user clicks.
    kept = relaxed._in_click_order(np.flatnonzero(_kept(relaxed, budget, seed, always, never)), seed)
    rows = relaxed.rows.cpu().numpy()[kept]
    items = relaxed.items.cpu().numpy()[kept]
    ratings = None
    if budget.scale is not None and relaxed.ratings is not None:
        ratings = budget.scale.round(relaxed.ratings.detach().cpu().numpy()[kept])
    return Profiles.from_pairs(rows, items, len(relaxed), ratings)


def straight_through(
    relaxed: RelaxedProfiles,
    budget: Budget,
    seed: int,
    always: NDArray[np.integer] = NO_ITEMS,
    never: NDArray[np.integer] = NO_ITEMS,
) -> RelaxedProfiles:
    """`project` in the forward pass (weights become exactly 0 or 1, ratings those of the scale), the
    identity in the backward pass.

    Bengio, Léonard, Courville, "Estimating or propagating gradients through stochastic neurons", 2013.
    """
    kept = _kept(relaxed, budget, seed, always, never)
    weights, ratings = _forward(kept, relaxed.weights), relaxed.ratings
    if budget.scale is not None and ratings is not None:
        ratings = _forward(budget.scale.round(ratings.detach().cpu().numpy()), ratings)
    return replace(relaxed, weights=weights, ratings=ratings)


def _forward(values: NDArray[np.generic], like: Tensor) -> Tensor:
    """`values` exactly (`x + (v - x)` would round), with the gradient of `like`."""
    return torch.tensor(values, dtype=like.dtype, device=like.device) + (like - like.detach())
