"""Ranking quality of top lists: one value a user, over the users who have test items.

`k` in a formula stays `k` where a user has fewer candidates. NDCG is the variant of ranx, implicit and
RecBole: the full list of k, binary gains, discount log2(place + 1), ideal of min(k, relevant).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recbench.data.interactions import Histories, Interactions
from recbench.errors import SuiteError
from recbench.evaluation.places import places

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Relevance:
    """Which entries of the top lists are relevant.

    Args:
        hits: bool [u, K], for the u users who have relevant items.
        relevant: int64 [u], how many relevant items each of them has, at least 1.
        left_out: users without any relevant item.
    """

    hits: NDArray[np.bool_]
    relevant: NDArray[np.int64]
    left_out: int

    @classmethod
    def of(cls, top: NDArray[np.int32], relevant: Histories) -> Relevance:
        """Look up the top lists [n, K] (-1 is no item) in the n lists of relevant items."""
        lengths = relevant.lengths
        kept = np.flatnonzero(lengths > 0)
        hits = places(top, relevant)[kept] >= 0
        return cls(hits, lengths[kept], len(lengths) - len(kept))

    def first(self, k: int) -> NDArray[np.bool_]:
        """The hits [u, k] among the first k.

        Raises:
            SuiteError: the lists are shorter.
        """
        if k > self.hits.shape[1]:
            raise SuiteError(
                f"metric at {k}: the top lists hold {self.hits.shape[1]}; keep longer lists or lower the cut-off"
            )
        return self.hits[:, :k]

    def count(self, k: int) -> NDArray[np.int64]:
        """How many hits [u] there are among the first k."""
        counts: NDArray[np.int64] = np.count_nonzero(self.first(k), axis=1)
        return counts


@lru_cache(maxsize=2)  # asked anew by every metric that judges lists, of the same two objects
def unseen(test: Histories, train: Interactions) -> Histories:
    """The test items that are not in the user's training data: what was consumed is no candidate."""
    rows = test.rows
    keep = ~train.contains(rows, test.items)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[keep], minlength=len(test)))])
    return Histories(indptr, test.items[keep])


def recall(relevance: Relevance, k: int) -> Values:
    """Hits over the number of relevant items (not over min(k, relevant))."""
    return relevance.count(k) / relevance.relevant


def precision(relevance: Relevance, k: int) -> Values:
    """Hits over k."""
    return relevance.count(k) / k


def f1(relevance: Relevance, k: int) -> Values:
    """The harmonic mean of precision and recall of each user; 0 without a hit."""
    return 2 * relevance.count(k) / (k + relevance.relevant)


def hit_ratio(relevance: Relevance, k: int) -> Values:
    """1 where there is a hit."""
    return (relevance.count(k) > 0).astype(np.float64)


def ndcg(relevance: Relevance, k: int) -> Values:
    """Normalized discounted cumulative gain (Järvelin, Kekäläinen, TOIS 2002), binary gains."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal: Values = np.cumsum(discounts)[np.minimum(relevance.relevant, k) - 1]
    gains: Values = relevance.first(k) @ discounts
    return gains / ideal


def mrr(relevance: Relevance, k: int) -> Values:
    """One over the place of the first hit; 0 without a hit."""
    hits = relevance.first(k)
    reciprocal: Values = hits.any(axis=1) / (1.0 + hits.argmax(axis=1))
    return reciprocal


def average_precision(relevance: Relevance, k: int) -> Values:
    """Precision at every hit, summed, over min(k, relevant); its mean over users is MAP@k."""
    hits = relevance.first(k)
    precisions = hits.cumsum(axis=1) / np.arange(1, k + 1)
    total: Values = (precisions * hits).sum(axis=1)
    return total / np.minimum(relevance.relevant, k)


def coverage(top: NDArray[np.int32], n_items: int, k: int) -> float:
    """The share of the catalogue that appears in anybody's first k (top is [n, K], -1 is no item)."""
    shown = np.zeros(n_items + 1, dtype=np.bool_)  # -1 marks the last entry, which is no item
    shown[top[:, :k]] = True
    return int(np.count_nonzero(shown[:n_items])) / n_items
