from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from recbench.contracts import FitContext, Recommender
from recbench.data.interactions import Interactions


@dataclass(frozen=True)
class Cooccurrence(Recommender):
    """Scores an item by how many users had it together with each item of the history.

    Args:
        alpha: exponent of the candidate's popularity, by which its counts are divided.
    """

    alpha: float = 0.5

    def fit(self, train: Interactions, ctx: FitContext) -> FittedCooccurrence:
        together = (train.csr.T @ train.csr).toarray()
        popularity = np.maximum(together.diagonal(), 1.0)
        np.fill_diagonal(together, 0.0)
        return FittedCooccurrence(train.csr, together / popularity**self.alpha)


@dataclass(frozen=True, eq=False)
class FittedCooccurrence:
    histories: sp.csr_matrix
    weights: np.ndarray

    def score(self, users: np.ndarray) -> np.ndarray:
        return self.histories[users] @ self.weights
