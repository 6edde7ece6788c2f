"""How far top lists moved: overlap of two rankings of the same users.

Read it beside the same statistic between two clean runs, which retraining alone moves apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Lists = NDArray[np.int32]


def overlaps(left: Lists, right: Lists) -> NDArray[np.int64]:
    """How many items the first d of each pair of lists share, [n, K] for d = 1..K.

    Args:
        left, right: [n, K] without repetition, -1 is no item and comes last.
    """
    n, length = left.shape
    base = np.int64(2) + max(left.max(initial=0), right.max(initial=0))
    user = np.arange(n, dtype=np.int64)[:, None] * base
    keys = (user + right + 1).ravel()
    order = np.argsort(keys, kind="stable")
    wanted = (user + left + 1).ravel()
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    shared = np.flatnonzero((keys[at] == wanted) & (left.ravel() >= 0))
    # An item is shared from the depth on at which both lists have shown it.
    depth = np.maximum(shared % length, at[shared] % length)
    return np.bincount(shared // length * length + depth, minlength=n * length).reshape(n, length).cumsum(axis=1)


def jaccard(left: Lists, right: Lists, k: int) -> NDArray[np.float64]:
    """Shared items over all items of the first k, [n]; two empty lists are equal."""
    shared = overlaps(left[:, :k], right[:, :k])[:, -1]
    union = (left[:, :k] >= 0).sum(axis=1) + (right[:, :k] >= 0).sum(axis=1) - shared
    return np.where(union > 0, shared / np.maximum(union, 1), 1.0)


def rbo(left: Lists, right: Lists, p: float = 0.9) -> NDArray[np.float64]:
    """Rank-biased overlap of each pair of lists, extrapolated, [n]; two empty lists are equal.

    Webber, Moffat, Zobel, "A similarity measure for indefinite rankings", TOIS 2010, eq. 30, over the
    length l that both lists have: A_l p^l + (1 - p) / p * sum over d <= l of A_d p^d, where A_d is the
    share that the first d have in common.

    Args:
        left, right: see `overlaps`.
        p: weight of going one place deeper, in (0, 1).
    """
    depths = np.arange(1, left.shape[1] + 1)
    agreement = overlaps(left, right) / depths
    length = np.minimum((left >= 0).sum(axis=1), (right >= 0).sum(axis=1))
    weights = np.where(depths <= length[:, None], p**depths, 0)
    last = np.take_along_axis(agreement, np.maximum(length - 1, 0)[:, None], axis=1)[:, 0]
    value = last * p**length + (1 - p) / p * (agreement * weights).sum(axis=1)
    empty = (left >= 0).sum(axis=1) + (right >= 0).sum(axis=1) == 0
    return np.where(empty, 1.0, value)
