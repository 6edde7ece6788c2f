"""The Pareto front: what nothing else is better than in every respect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pareto_front(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points [n, d] are not dominated, more being better in every column.

    A point is dominated by one that is at least as good in every column and better in one; equal points
    stand and fall together.
    """
    as_good = (points[:, None] >= points).all(axis=2)
    better = (points[:, None] > points).any(axis=2)
    return np.asarray(~(as_good & better).any(axis=0))
