"""How varied fake profiles are: an attack whose profiles are one profile is found by looking for doubles."""

from __future__ import annotations

import numpy as np

from recbench.contracts.profiles import Profiles


def catalogue_share(profiles: Profiles, n_items: int) -> float:
    """The share of the catalogue's `n_items` that is in some profile."""
    return float(np.count_nonzero(np.bincount(profiles.items, minlength=n_items)) / n_items)


def distinct_share(profiles: Profiles) -> float:
    """The share of at least one profile that hold other items than every profile before them, in whatever order."""
    rows, lengths = profiles.histories.rows, profiles.histories.lengths
    order = np.lexsort((profiles.items, rows))
    held = np.full((len(profiles), int(lengths.max(initial=0))), -1, dtype=np.int32)
    held[rows, np.arange(len(rows)) - profiles.indptr[rows]] = profiles.items[order]
    return len(np.unique(held, axis=0)) / len(profiles)
