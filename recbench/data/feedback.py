"""The two feedback tracks: explicit (ratings) and implicit (clicks)."""

from __future__ import annotations

import numpy as np

from recbench.data.interactions import Interactions
from recbench.errors import DataError


def explicit(interactions: Interactions) -> Interactions:
    """The interactions with their ratings, as they are.

    Raises:
        DataError: there are no ratings.
    """
    if interactions.ratings is None:
        raise DataError("the data has no ratings; use the implicit track")
    return interactions


def binarize(interactions: Interactions, positive_from: float | None = None) -> Interactions:
    """The positive interactions, without ratings, over the same users and items.

    Args:
        interactions: explicit or implicit.
        positive_from: the lowest rating that counts as a positive (`>=`); None makes every interaction one.

    Raises:
        DataError: a threshold without ratings, or above all of them.
    """
    positive = np.ones(len(interactions), dtype=bool)
    if positive_from is not None:
        if interactions.ratings is None:
            raise DataError("the data has no ratings to binarize: every interaction is a positive; drop the threshold")
        positive = interactions.ratings >= positive_from
        if not positive.any():
            raise DataError(f"no rating reaches {positive_from:g}; lower the threshold of a positive")
    chosen = interactions.select(positive)
    return Interactions(
        users=chosen.users,
        items=chosen.items,
        n_users=chosen.n_users,
        n_items=chosen.n_items,
        timestamps=chosen.timestamps,
        _trusted=True,
    )
