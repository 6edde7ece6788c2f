"""Cut T, target lift: from a ranking of users by suspicion to whom to remove, without being told how many.

An attack needs its target in most of its profiles. So: find the items that the most suspicious users hold far
more often than their popularity explains, and remove those among the suspicious who hold one.

A large lift alone is no proof: in sparse data, niches of genuine users who resemble nobody else lift the items
of their niche as far as a small attack lifts its target. What they do not do is outnumber everyone else who
holds the item; so a target's holders must be suspects by majority. The price: a target with more genuine
holders than fakes goes unnoticed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data import Interactions

SUSPECTS = 0.10
"""Share of users, the most suspicious, among whom targets are looked for."""
ACCUSED = 0.25
"""Share of users, the most suspicious, who are removed if they hold a target."""
LEAST = 5
"""An item is a target only if at least so many suspects hold it."""
GROUPS = 10
"""Groups of items of like popularity, at most: equal counts are never separated, by what could be ids alone."""


def target_lift(train: Interactions, suspects: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far each item's share of suspects lies above that of items of like popularity.

    Args:
        train: the data under suspicion.
        suspects: bool [n_users].

    Returns:
        float64 [n_items], in binomial standard deviations; -inf where fewer than 5 suspects hold the item, or
        no majority of those who hold it are suspects.
    """
    counts = train.item_counts
    held = np.bincount(train.items[suspects[train.users]], minlength=train.n_items)
    lift = np.full(train.n_items, -np.inf)
    judged = np.flatnonzero(counts >= LEAST)
    if not len(judged):
        return lift
    c, k = counts[judged], held[judged]
    group = np.searchsorted(np.quantile(c, np.arange(1, GROUPS) / GROUPS), c, side="right")
    # Groups remove the link between suspicion and popularity that there is without any attack.
    share = (np.bincount(group, k) + 1) / (np.bincount(group, c) + 2)
    expected = c * share[group]
    deviation = np.sqrt(expected * (1 - share[group]))
    lift[judged] = np.where((k >= LEAST) & (2 * k > c), (k - expected) / deviation, -np.inf)
    return lift


def most_suspicious(suspicion: NDArray[np.floating[Any]], share: float) -> NDArray[np.bool_]:
    """bool [n_users], true for the given share of users."""
    chosen = np.zeros(len(suspicion), dtype=bool)
    chosen[np.argsort(-suspicion, kind="stable")[: round(share * len(suspicion))]] = True
    return chosen


def kept(train: Interactions, suspicion: NDArray[np.floating[Any]], threshold: float) -> NDArray[np.bool_]:
    """Who stays: everyone but the 25% most suspicious who hold an item whose lift exceeds `threshold`.

    Ratings are not read: a pushed and a nuked target give the same lift.

    Args:
        train: the data under suspicion.
        suspicion: [n_users], higher is more suspicious.
        threshold: in standard deviations.

    Returns:
        bool [n_users].
    """
    targets = target_lift(train, most_suspicious(suspicion, SUSPECTS)) > threshold
    holders = np.bincount(train.users[targets[train.items]], minlength=train.n_users) > 0
    return ~(holders & most_suspicious(suspicion, ACCUSED))
