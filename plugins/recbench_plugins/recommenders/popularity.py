"""The most popular items, for everyone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions


@dataclass(frozen=True)
class Popularity(Recommender):
    """Scores every item by its number of interactions; ratings are not read.

    The floor that a personalized recommender must clear, and the victim on which an attack's effect is
    plain arithmetic: m profiles with the target raise its score by m.
    """

    def fit(self, train: Interactions, ctx: FitContext) -> PopularityScorer:
        return PopularityScorer(train.item_counts.astype(np.float32))


@dataclass(frozen=True, eq=False)
class PopularityScorer:
    """Args: counts: float32 [n_items]."""

    counts: NDArray[np.float32]

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float32]:
        """The same scores for each of `users` [b]: float32 [b, n_items]."""
        return np.tile(self.counts, (len(users), 1))
