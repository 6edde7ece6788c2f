"""A recommender that torch has no part in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from recbench.contracts import FitContext, Recommender, numpy_rng
from recbench.data.interactions import Interactions

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PureSVD(Recommender):
    """Cremonesi, Koren, Turrin, "Performance of recommender algorithms on top-N tasks", RecSys 2010, eq. 7.

    On explicit feedback each item's ratings are centred on its mean, shrunk towards the mean of all.
    """

    factors: int = 4
    shrinkage: float = 2.0

    def fit(self, train: Interactions, ctx: FitContext) -> _Fitted:
        values, offsets = train.csr, np.zeros(train.n_items)
        if train.ratings is not None:
            mean = float(train.ratings.mean())
            sums = np.bincount(train.items, train.ratings - mean, train.n_items)
            offsets = mean + sums / (train.item_counts + self.shrinkage)
            values = train.ratings_csr.copy()  # cached and shared
            values.data -= offsets[values.indices].astype(np.float32)
        start = numpy_rng(ctx.seed, "lanczos").normal(size=min(values.shape))
        _, _, factors = svds(values.astype(np.float64), self.factors, v0=start)
        return _Fitted(values @ factors.T, factors, offsets)


@dataclass(frozen=True, eq=False)
class _Fitted:
    users: FloatArray
    factors: FloatArray
    offsets: FloatArray

    def score(self, users: NDArray[np.integer]) -> FloatArray:
        scores: FloatArray = self.offsets + self.users[users] @ self.factors
        return scores

    def predict(self, users: NDArray[np.integer], items: NDArray[np.integer]) -> FloatArray:
        predicted: FloatArray = self.offsets[items] + (self.users[users] * self.factors[:, items].T).sum(1)
        return predicted

    def state(self) -> Mapping[str, NDArray[Any]]:
        return {"users": self.users, "factors": self.factors, "offsets": self.offsets}
