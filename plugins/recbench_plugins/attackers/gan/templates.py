"""Genuine users as templates: whom a fake profile imitates, and in which of their items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.contracts import AttackerView, RelaxedProfiles, numpy_rng
from recbench_plugins.attackers.gan.networks import BLOCK


@dataclass(frozen=True, eq=False)
class Templates:
    """Some items of one genuine user each.

    Args:
        users: int64 [m].
        rows, items: int64 [nnz], which items are kept of each, by row and then by item.
        values: [nnz], the user's ratings of these; an item's mean where the user never rated it.
        n_items: size of the catalogue.
    """

    users: NDArray[np.intp]
    rows: Tensor
    items: Tensor
    values: Tensor
    n_items: int

    @property
    def places(self) -> Tensor:
        """int64 [nnz], where the items stand in the rows [m, n_items] laid end to end."""
        return self.rows * self.n_items + self.items

    @cached_property
    def held(self) -> Tensor:
        """bool [m, n_items], the items that are kept of each."""
        return self.dense(torch.ones_like(self.values, dtype=torch.bool))

    @cached_property
    def ratings(self) -> Tensor:
        """[m, n_items], `values` where `held`, 0 elsewhere."""
        return self.dense(self.values)

    def dense(self, values: Tensor) -> Tensor:
        """Numbers [nnz] of the items that are kept as rows [m, n_items], 0 elsewhere."""
        rows = values.new_zeros(len(self.users) * self.n_items)
        return rows.index_put((self.places,), values).reshape(len(self.users), self.n_items)

    def blocks(self) -> Iterator[Templates]:
        """A few of them at a time: their rows stay in the cache."""
        starts = torch.arange(0, len(self.users) + BLOCK, BLOCK, device=self.rows.device)
        ends = torch.searchsorted(self.rows, starts).tolist()
        for k, (first, last) in enumerate(pairwise(ends)):
            entries = slice(first, last)
            yield Templates(
                self.users[k * BLOCK : (k + 1) * BLOCK],
                self.rows[entries] - k * BLOCK,
                self.items[entries],
                self.values[entries],
                self.n_items,
            )

    def profiles(self, rated: Tensor, others: Tensor, theirs: Tensor, weight: float = 1.0) -> RelaxedProfiles:
        """Profiles of the items that are kept, and of others that all of them hold, by item.

        Args:
            rated: [nnz], ratings of the items that are kept.
            others: int64 [k], none of which is kept.
            theirs: [m, k], their ratings.
            weight: theirs; 1 for the items that are kept.
        """
        all_of_them = torch.arange(len(self.users), device=self.rows.device)
        places, order = torch.cat([self.places, (all_of_them[:, None] * self.n_items + others).reshape(-1)]).sort()
        weights = torch.cat([torch.ones_like(rated), torch.full_like(theirs, weight).reshape(-1)])
        starts = torch.arange(len(self.users) + 1, device=self.rows.device) * self.n_items
        return RelaxedProfiles(
            indptr=torch.searchsorted(places, starts),
            items=places % self.n_items,
            weights=weights[order],
            n_items=self.n_items,
            ratings=torch.cat([rated, theirs.reshape(-1)])[order],
        )


def drawn_templates(view: AttackerView, sizes: NDArray[np.int64], without: NDArray[np.integer], seed: int) -> Templates:
    """Templates of `sizes` [m] items each, none of them in `without`, on explicit feedback.

    Users are drawn among those with enough items, and their items without replacement; where nobody has enough, the
    longest are topped up with random items.
    """
    observed, means = view.observed, view.statistics.means
    assert means is not None
    rng = numpy_rng(seed, "templates")
    usable = np.bincount(observed.users[~np.isin(observed.items, without)], minlength=observed.n_users)
    ascending = np.argsort(usable, kind="stable")
    first = np.searchsorted(usable[ascending], np.clip(sizes, 1, usable.max()))
    users = ascending[first + (rng.random(len(sizes)) * (len(usable) - first)).astype(np.intp)]

    by_item = observed.ratings_csr
    by_item.sort_indices()
    theirs = by_item[users]
    rows = np.repeat(np.arange(len(users)), np.diff(theirs.indptr))
    usable_item = np.ones(view.n_items, np.bool_)
    usable_item[without] = False
    possible = usable_item[theirs.indices]
    rows, items, values = rows[possible], theirs.indices[possible].astype(np.int64), theirs.data[possible]
    lot = np.argsort(rows + rng.random(len(rows)))
    starts = np.searchsorted(rows, np.arange(len(sizes)))
    kept = np.sort(lot[np.arange(len(rows)) - starts[rows] < sizes[rows]])
    rows, items, values = rows[kept], items[kept], values[kept]

    lacking = np.flatnonzero(np.bincount(rows, minlength=len(sizes)) < sizes)
    if len(lacking):
        held = np.zeros((len(lacking), view.n_items), np.bool_)
        short = np.isin(rows, lacking)
        held[np.searchsorted(lacking, rows[short]), items[short]] = True
        keys = held + rng.random(held.shape)
        keys[:, without] = -1.0
        places = np.argsort(np.argsort(-keys, axis=1), axis=1)
        added_rows, added = np.nonzero((places < sizes[lacking, None]) & (keys >= 0) & ~held)
        rows, items = np.append(rows, lacking[added_rows]), np.append(items, added)
        values = np.append(values, means[added])
        order = np.argsort(rows * view.n_items + items)
        rows, items, values = rows[order], items[order], values[order]
    return Templates(
        users,
        torch.tensor(rows, device=view.device),
        torch.tensor(items, device=view.device),
        torch.tensor(values, dtype=torch.float32, device=view.device),
        view.n_items,
    )
