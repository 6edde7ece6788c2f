"""Data of any size, drawn instead of read: for timing and for finding out what breaks first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recbench.data.interactions import Interactions
from recbench.errors import DataError
from recbench.seeds import numpy_rng

TASTES = 20
"""Groups of users who like the same items."""
LOYALTY = 0.7
"""The share of a user's interactions that are drawn from the items of its own taste."""
EXPONENT = 1.0
"""Of the power law by which popularity and activity fall with the rank."""
FULLEST = 0.2
"""No user has a larger share of the catalogue, and no item of its taste is all that a user has."""


def power_law(n_users: int, n_items: int, n_interactions: int, seed: int) -> Interactions:
    """Users of different tastes and activity among items of different popularity, both by a power law, with ratings.

    Every user has an interaction. Which ids are active, popular and of one taste is drawn by lot. Ratings are 1 to 5,
    higher inside a user's taste.

    Raises:
        DataError: fewer interactions than users, or more than a tenth of all pairs.
    """
    if not n_users <= n_interactions <= FULLEST * n_users * n_items / 2:
        raise DataError(
            f"{n_interactions:,} interactions of {n_users:,} users with {n_items:,} items cannot be drawn; "
            f"ask for {n_users:,} to {int(FULLEST * n_users * n_items / 2):,}"
        )
    rng = numpy_rng(seed, "power-law", n_users, n_items, n_interactions)
    lengths = _lengths(n_users, n_items, n_interactions, rng)
    taste = rng.integers(0, TASTES, n_users)
    items = rng.permutation(n_items).astype(np.int32)  # in the order of taste and, within it, of popularity
    edges = np.linspace(0, n_items, TASTES + 1).astype(np.int64)
    weights = np.concatenate([_weights(size) * size for size in np.diff(edges)])
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    users = np.repeat(np.arange(n_users), lengths)
    loyal = rng.random(len(users)) < LOYALTY
    low = np.where(loyal, mass[edges[taste[users]]], 0.0)
    high = np.where(loyal, mass[edges[taste[users] + 1]], mass[-1])
    places = np.searchsorted(mass, low + (high - low) * rng.random(len(users)), side="right") - 1
    keys = _distinct(users * n_items + np.minimum(places, n_items - 1))
    # What was drawn twice is replaced by any item: a fifth of the catalogue at most is taken, so this ends soon.
    while (missing := lengths - np.bincount(keys // n_items, minlength=n_users)).any():
        users = np.repeat(np.arange(n_users), missing)
        keys = _distinct(np.concatenate([keys, users * n_items + rng.integers(0, n_items, len(users))]))
    users, places = np.divmod(keys, n_items)
    inside = np.searchsorted(edges, places, side="right") - 1 == taste[users]
    ratings = np.clip(rng.integers(1, 4, len(keys)) + 2 * inside, 1, 5).astype(np.float32)
    order = rng.permutation(len(keys))  # click order: as given
    return Interactions(users[order].astype(np.int32), items[places[order]], n_users, n_items, ratings[order])


def _distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each key once, ascending. NumPy's `unique` hashes, which was seen 30 times slower on keys like these."""
    keys = np.sort(keys)
    return np.asarray(keys[np.append(True, keys[1:] != keys[:-1])])


def _weights(count: int) -> NDArray[np.float64]:
    """A power law over so many ranks, of sum 1."""
    weights = (np.arange(count) + 2.0) ** -EXPONENT
    return np.asarray(weights / weights.sum())


def _lengths(n_users: int, n_items: int, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many interactions each user has: at least one, at most a fifth of the items, `total` together."""
    most = int(FULLEST * n_items)
    lengths = 1 + np.floor(_weights(n_users) * (total - n_users)).astype(np.int64)
    lengths = np.minimum(lengths, most)
    while (left := total - int(lengths.sum())) > 0:
        room = np.flatnonzero(lengths < most)
        lengths[rng.choice(room, min(left, len(room)), replace=False)] += 1
    return np.asarray(rng.permutation(lengths))
