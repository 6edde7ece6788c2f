"""What an attack did to its targets: one value a target, over the genuine users who could meet it anew.

Every function takes `eligible` bool [n, t]: the user has not interacted with the target in any split. It
is the same set for every attack and defense, so clean and attacked values are paired user by user. A
target without an eligible user has the value NaN; `macro` leaves it out. Positive is promotion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.metric import Ranking

Eligible = NDArray[np.bool_]
Values = NDArray[np.float64]


def macro(values: Values) -> float | None:
    """The mean over targets that have a value, or None where none has."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def rank_gain(clean: Ranking, attacked: Ranking, eligible: Eligible) -> Values:
    """The primary effect, in bits [t]: the mean of log2(rank, clean) - log2(rank, attacked).

    It has resolution where hit ratios are zero, and weighs the top of the list.
    """
    both = eligible & (clean.target_ranks > 0) & (attacked.target_ranks > 0)
    return _mean(np.log2(np.maximum(clean.target_ranks, 1)) - np.log2(np.maximum(attacked.target_ranks, 1)), both)


def percentile_shift(clean: Ranking, attacked: Ranking, eligible: Eligible) -> Values:
    """The mean fall [t] of (rank - 1) / (candidates - 1), which is 0 at the top and 1 at the bottom."""
    both = eligible & (clean.target_ranks > 0) & (attacked.target_ranks > 0)
    return _mean(_percentile(clean) - _percentile(attacked), both)


def prediction_shift(clean: Ranking, attacked: Ranking, eligible: Eligible) -> Values:
    """The mean rise [t] of the standardized score, in deviations of the scores of a user's candidates."""
    return _mean(attacked.target_scores.astype(np.float64) - clean.target_scores, eligible)


def exposure_hit_ratio(ranking: Ranking, eligible: Eligible, k: int) -> Values:
    """The share [t] of eligible users who find the target among their first k: HR@k, in [0, 1]."""
    return _mean(_shown(ranking, k).astype(np.float64), eligible)


def exposure_ndcg(ranking: Ranking, eligible: Eligible, k: int) -> Values:
    """The mean [t] of 1 / log2(rank + 1) within the first k, 0 beyond."""
    return _mean(_shown(ranking, k) / np.log2(np.maximum(ranking.target_ranks, 1) + 1), eligible)


def _shown(ranking: Ranking, k: int) -> NDArray[np.bool_]:
    return (ranking.target_ranks > 0) & (ranking.target_ranks <= k)


def _percentile(ranking: Ranking) -> Values:
    return (ranking.target_ranks - 1) / np.maximum(ranking.candidates - 1, 1)[:, None]


def _mean(values: Values, users: Eligible) -> Values:
    """The mean [t] of values [n, t] over the users [n, t] of each target."""
    count = users.sum(axis=0)
    return np.where(count > 0, np.where(users, values, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
