"""Genuine users as templates: whom a fake profile imitates, and in which of their items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.contracts import AttackerView, numpy_rng


@dataclass(frozen=True, eq=False)
class Templates:
    """Some items of one genuine user each.

    Args:
        users: int64 [m].
        held: bool [m, n_items], the items that are kept of each.
        ratings: [m, n_items], the user's ratings where `held`, 0 elsewhere; an item's mean where the user never
            rated it.
    """

    users: NDArray[np.intp]
    held: Tensor
    ratings: Tensor


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
    theirs = observed.ratings_csr[users].toarray()
    theirs[:, without] = 0
    rows, items = np.nonzero(theirs)
    lot = np.lexsort((rng.random(len(rows)), rows))
    rows, items = rows[lot], items[lot]
    starts = np.searchsorted(rows, np.arange(len(sizes)))
    kept = np.arange(len(rows)) - starts[rows] < sizes[rows]
    held = np.zeros(theirs.shape, np.bool_)
    held[rows[kept], items[kept]] = True
    lacking = np.flatnonzero(held.sum(1) < sizes)
    if len(lacking):
        keys = held[lacking] + rng.random((len(lacking), view.n_items))
        keys[:, without] = -1.0
        places = np.argsort(np.argsort(-keys, axis=1), axis=1)
        held[lacking] = (places < sizes[lacking, None]) & (keys >= 0)
    ratings = np.where(held, np.where(theirs > 0, theirs, means), 0.0)
    return Templates(
        users,
        torch.tensor(held, device=view.device),
        torch.tensor(ratings, dtype=torch.float32, device=view.device),
    )
