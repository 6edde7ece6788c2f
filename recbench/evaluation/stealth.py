"""How much fake profiles differ from genuine ones, item by item.

Both sides are reduced to counts [levels, n_items]: how many profiles rate the item at each level of the
scale (one level on the implicit track). Few profiles give a noisy distribution, which alone is far from
the genuine one; so every distance stands beside the same distance of random genuine users, as many as
there are fakes. Genuine users without a training row, whom a temporal split leaves, are on neither side: no
fake is modelled on one.

Lin et al., "Attacking recommender systems with augmented user profiles" (AUSH), CIKM 2020, use the same
two distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from recbench.contracts.profiles import Profiles
from recbench.contracts.threat import RatingScale
from recbench.data.interactions import Interactions
from recbench.evaluation.ragged import entries
from recbench.seeds import numpy_rng

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Distance:
    """One distance between fakes and genuine users.

    Args:
        value: as it is.
        excess: above the mean of random genuine subsets of the same size.
        percentile: share of those subsets that are no further away, in [0, 1].
    """

    value: float
    excess: float
    percentile: float


def stealth(
    train: Interactions, profiles: Profiles, scale: RatingScale | None, subsets: int, seed: int
) -> dict[str, Distance]:
    """Total variation (`tvd`) and Jensen-Shannon divergence (`js`) of the profiles from the genuine users.

    On a rating scale also `tvd-rated` and `js-rated`: the same among those who rated the item, over the
    items that both sides rated, weighted by their genuine popularity; left out where there is no such item.

    Args:
        train: the genuine training data, of at least one interaction.
        profiles: at least one fake profile.
        scale: the rating grid, or None on the implicit track.
        subsets: how many random genuine subsets to compare with.
        seed: draws them.
    """
    shape = (train.n_items, _levels(scale))
    fakes = _counts(profiles.items.astype(np.int64) * shape[1] + _level(profiles.ratings, scale), shape)
    n_active = int(np.count_nonzero(train.user_counts))
    found = _distances(_counts(_cells(train, scale), shape), n_active, fakes, len(profiles))
    twins = _twins(train, scale, min(len(profiles), n_active), subsets, seed)
    return {name: _beside(value, [twin[name] for twin in twins if name in twin]) for name, value in found.items()}


@lru_cache(maxsize=8)  # attacks of one size on one data set are held against the same twins
def _twins(
    train: Interactions, scale: RatingScale | None, size: int, subsets: int, seed: int
) -> list[dict[str, float]]:
    """The distances of random genuine subsets of that size."""
    rng = numpy_rng(seed, "stealth")
    cells, shape = _cells(train, scale), (train.n_items, _levels(scale))
    genuine, active = _counts(cells, shape), np.flatnonzero(train.user_counts)
    twins = []
    for _ in range(subsets):
        _, positions = entries(train.indptr, rng.choice(active, size, replace=False))
        twins.append(_distances(genuine, len(active), _counts(cells[positions], shape), size))
    return twins


def _beside(value: float, twins: list[float]) -> Distance:
    return Distance(value, value - float(np.mean(twins)), float(np.mean(np.array(twins) <= value)))


def _levels(scale: RatingScale | None) -> int:
    return 1 if scale is None else round((scale.high - scale.low) / scale.step) + 1


def _cells(train: Interactions, scale: RatingScale | None) -> NDArray[np.int64]:
    """The cell of the counts, flat, that each interaction adds to."""
    return train.items.astype(np.int64) * _levels(scale) + _level(train.ratings, scale)


def _level(ratings: NDArray[np.float32] | None, scale: RatingScale | None) -> NDArray[np.int64] | int:
    if scale is None or ratings is None:
        return 0
    levels: NDArray[np.int64] = np.rint((scale.round(ratings) - scale.low) / scale.step).astype(np.int64)
    return levels


def _counts(cells: NDArray[np.int64], shape: tuple[int, int]) -> Counts:
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).T


def _distances(genuine: Counts, n_genuine: int, other: Counts, n_other: int) -> dict[str, float]:
    p, q = _with_unrated(genuine, n_genuine), _with_unrated(other, n_other)
    found = {"tvd": float(total_variation(p, q).mean()), "js": float(jensen_shannon(p, q).mean())}
    if len(genuine) > 1:
        raters, others = genuine.sum(axis=0), other.sum(axis=0)
        both = np.flatnonzero((raters > 0) & (others > 0))
        if len(both):
            p, q = genuine[:, both] / raters[both], other[:, both] / others[both]
            found["tvd-rated"] = float(np.average(total_variation(p, q), weights=raters[both]))
            found["js-rated"] = float(np.average(jensen_shannon(p, q), weights=raters[both]))
    return found


def _with_unrated(counts: Counts, n: int) -> NDArray[np.float64]:
    """Distributions [levels + 1, n_items] over unrated and the levels."""
    return np.vstack([n - counts.sum(axis=0), counts]) / n


def total_variation(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the absolute difference of distributions, summed over the first axis; in [0, 1]."""
    distance: NDArray[np.float64] = np.abs(p - q).sum(axis=0) / 2
    return distance


def jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Jensen-Shannon divergence over the first axis: natural logarithm, no square root; in [0, log 2]."""
    middle = (p + q) / 2
    divergence: NDArray[np.float64] = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=0) / 2
    return divergence
