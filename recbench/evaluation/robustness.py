"""How far top lists moved: overlap of two rankings of the same users.

Read it beside the same statistic between two clean runs, which retraining alone moves apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.evaluation.places import histories_of, places

Lists = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Overlap:
    """Two lists a user, and what they share.

    Args:
        left, right: [n, K] without repetition, -1 is no item and comes last.
        shared: [n, K], how many items the first d of each pair have in common, for d = 1..K.
    """

    left: Lists
    right: Lists
    shared: NDArray[np.int64]

    @classmethod
    def of(cls, left: Lists, right: Lists) -> Overlap:
        """Count what two tables of lists share."""
        n, length = left.shape
        place = places(left, histories_of(right))
        user, here = np.nonzero(place >= 0)
        # An item is shared from the depth on at which both lists have shown it.
        depth = np.maximum(here, place[user, here])
        counts = np.bincount(user * length + depth, minlength=n * length)
        return cls(left, right, counts.reshape(n, length).cumsum(axis=1))


def jaccard(overlap: Overlap, k: int) -> NDArray[np.float64]:
    """Shared items over all items of the first k, [n]; two empty lists are equal."""
    shared = overlap.shared[:, :k][:, -1]
    union = (overlap.left[:, :k] >= 0).sum(axis=1) + (overlap.right[:, :k] >= 0).sum(axis=1) - shared
    return np.where(union > 0, shared / np.maximum(union, 1), 1.0)


def rbo(overlap: Overlap, p: float = 0.9) -> NDArray[np.float64]:
    """Rank-biased overlap of each pair of lists, extrapolated, [n]; two empty lists are equal.

    Webber, Moffat, Zobel, "A similarity measure for indefinite rankings", TOIS 2010, eq. 30, over the
    length l that both lists have: A_l p^l + (1 - p) / p * sum over d <= l of A_d p^d, where A_d is the
    share that the first d have in common.

    Args:
        overlap: of the lists.
        p: weight of going one place deeper, in (0, 1).
    """
    left, right = overlap.left, overlap.right
    depths = np.arange(1, left.shape[1] + 1)
    agreement = overlap.shared / depths
    length = np.minimum((left >= 0).sum(axis=1), (right >= 0).sum(axis=1))
    weights = np.where(depths <= length[:, None], p**depths, 0)
    last = np.take_along_axis(agreement, np.maximum(length - 1, 0)[:, None], axis=1)[:, 0]
    value = last * p**length + (1 - p) / p * (agreement * weights).sum(axis=1)
    empty = (left >= 0).sum(axis=1) + (right >= 0).sum(axis=1) == 0
    return np.where(empty, 1.0, value)
