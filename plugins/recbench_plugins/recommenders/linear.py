"""`LinearScorer`: scores that are linear in a user's binary history, as item-based recommenders give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LinearScorer:
    """The scores X W of an item-based model.

    Args:
        histories: binary float32 [n_users, n_items], X.
        weights: float32 [n_items, n_items], W: what item i in a history (row) adds to the score of item j (column).
            Dense in C order, or sparse.
    """

    histories: sp.csr_matrix
    weights: NDArray[np.float32] | sp.csr_matrix

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float32]:
        """Scores of every item for `users` [b]: float32 [b, n_items]; zeros where the history is empty."""
        scores = self.histories[users] @ self.weights
        return scores.toarray() if sp.issparse(scores) else scores
