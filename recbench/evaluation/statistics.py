"""How far numbers of several runs can be trusted.

The unit is data set × split seed × target group, never the user. Units that share a data set and a split
seed are one *cluster*: they share training noise, so they are resampled, flipped and counted together.
Every function takes the units' values [u] and their cluster labels [u].
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from recbench.seeds import numpy_rng

Values = NDArray[np.floating[Any]]
Labels = NDArray[Any]

EXACT_CLUSTERS = 20
"""Up to so many clusters the sign-flip test enumerates every pattern."""
SAMPLED_PATTERNS = 100_000
"""Beyond, it samples so many."""
SMALL = 30
"""Fewer clusters take t quantiles: the percentiles of their bootstrap are too near the mean. In simulated runs of 2, 4
and 10 independent units those at 95% held the truth in 51%, 80% and 90%."""


class Interval(NamedTuple):
    """A mean over units, or a ratio of two, with its interval; the bounds are NaN for a single unit."""

    mean: float
    low: float
    high: float


def drawn_means(values: Values, clusters: Labels, seed: int, draws: int = 10_000) -> NDArray[np.float64]:
    """What the means could have been: their hierarchical bootstrap, and below 30 clusters draws from Student's t.

    The bootstrap resamples clusters with replacement, then units within each drawn cluster. The draws from t have the
    means, the cluster-robust covariance and the degrees of freedom of `interval`, whose bounds are their percentiles.

    Args:
        values: [..., u]; all leading rows are drawn together, so differences stay paired.
        clusters: [u].
        seed: draws.
        draws: how many, r.

    Returns:
        [..., r].
    """
    labels = _labels(clusters)
    count = int(labels.max()) + 1
    if count >= SMALL:
        means: NDArray[np.float64] = values @ _resamples(tuple(labels.tolist()), seed, draws).T
        return means
    rng = numpy_rng(seed, "draws")
    normal, scale = rng.standard_normal((count, draws)), np.sqrt(rng.chisquare(count - 1, draws) / (count - 1))
    center = values.mean(axis=-1, keepdims=True)
    totals = (values - center) @ (labels[:, None] == np.arange(count))
    found: NDArray[np.float64] = center + totals @ normal / scale * np.sqrt(count / (count - 1)) / values.shape[-1]
    return found


def drawn_ratios(over: Values, under: Values, clusters: Labels, seed: int, draws: int = 10_000) -> NDArray[np.float64]:
    """What the ratios of means [..., r] could have been, of `over` to `under` [..., u], to first order."""
    ratio, change = _linear(over, under)
    drawn: NDArray[np.float64] = ratio[..., None] + drawn_means(change, clusters, seed, draws)
    return drawn


def _linear(over: Values, under: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ratio of means, and by how much each unit moves it [..., u]: the mean of these is 0 (the delta method)."""
    below = under.mean(axis=-1, keepdims=True)
    ratio = over.mean(axis=-1, keepdims=True) / below
    return ratio[..., 0], (over - ratio * under) / below


def _labels(clusters: Labels) -> NDArray[np.intp]:
    """Clusters as numbers from 0. Where there is only one, each unit is its own: nothing tells how clusters vary."""
    _, labels = np.unique(clusters, return_inverse=True)
    return labels if labels.max(initial=0) else np.arange(len(labels))


@lru_cache(maxsize=4)
def _resamples(clusters: tuple[int, ...], seed: int, resamples: int) -> NDArray[np.float64]:
    """The share of every unit in every resample [r, u]; a board asks for the same ones some hundred times."""
    labels = np.array(clusters)
    sizes = np.bincount(labels)
    rng = numpy_rng(seed, "bootstrap")
    drawn = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=resamples)
    weights = np.empty((resamples, len(labels)))
    for cluster, size in enumerate(sizes):
        # Every copy of the cluster draws as many units as it has, so its copies together draw the product.
        weights[:, labels == cluster] = rng.multinomial(drawn[:, cluster] * size, np.full(size, 1 / size))
    weights /= weights.sum(axis=1, keepdims=True)
    weights.flags.writeable = False
    return weights


def interval(values: Values, clusters: Labels, seed: int, level: float = 0.95) -> Interval:
    """The mean and its interval: percentiles of the hierarchical bootstrap, and below 30 clusters Student's t.

    With t, the standard error is the cluster-robust one and there are as many degrees of freedom as clusters, less one.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, np.nan, np.nan)
    labels, tail = _labels(clusters), (1 - level) / 2
    count = int(labels.max()) + 1
    if count < SMALL:
        reach = float(stdtrit(count - 1, 1 - tail)) * standard_error(values, labels)
        return Interval(mean, mean - reach, mean + reach)
    low, high = np.quantile(drawn_means(values, labels, seed), [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def paired_interval(left: Values, right: Values, clusters: Labels, seed: int, level: float = 0.95) -> Interval:
    """The mean difference left - right of paired units with its interval.

    Raises:
        ValueError: the units do not pair.
    """
    if left.shape != right.shape:
        raise ValueError(f"{left.shape} and {right.shape} values do not pair unit by unit")
    return interval(left - right, clusters, seed, level)


def ratio_interval(over: Values, under: Values, clusters: Labels, seed: int) -> Interval:
    """The ratio of the means of `over` and `under` [u], and its 95% interval to first order."""
    ratio, change = _linear(over, under)
    _, low, high = interval(change, clusters, seed)
    return Interval(float(ratio), float(ratio) + low, float(ratio) + high)


def standard_error(values: Values, clusters: Labels) -> float:
    """The standard error of the mean, robust to dependence within clusters; the usual one where each is its own.

    Liang, Zeger, Biometrika 1986. NaN for a single cluster.
    """
    names, labels = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        return float("nan")
    totals = np.bincount(labels, values - np.mean(values))
    return float(np.sqrt(len(names) / (len(names) - 1) * np.sum(totals**2)) / len(values))


def minimum_detectable_effect(differences: Values, clusters: Labels) -> float:
    """The least true mean that a two-sided 5% test would find with 80% power: (z.975 + z.8) × standard error.

    A measured effect below it reads "none detectable", not "none". t quantiles below 30 clusters.
    """
    count = len(np.unique(clusters))
    levels = np.array([0.975, 0.8])
    quantiles = stdtrit(count - 1, levels) if 2 <= count < SMALL else ndtri(levels)
    return float(np.sum(quantiles)) * standard_error(differences, clusters)


def sign_flip_test(differences: Values, clusters: Labels, seed: int) -> float:
    """The two-sided p-value of "no difference": the signs of whole clusters are exchangeable.

    Exact up to `EXACT_CLUSTERS` clusters: its smallest possible value is 2 / 2**clusters, so that five
    pairs cannot reach 5%. Sampled beyond, counting the observed pattern. Fisher, "The Design of
    Experiments", 1935, section 21.
    """
    _, labels = np.unique(clusters, return_inverse=True)
    totals = np.bincount(labels, differences)
    # Patterns with the observed sum count as reaching it, whatever their rounding.
    observed = abs(totals.sum()) - 1e-12 * np.abs(totals).sum()
    if len(totals) <= EXACT_CLUSTERS:
        sums = totals[:1]  # patterns come in pairs of opposite sums: fix the first sign
        for total in totals[1:]:
            sums = np.concatenate([sums + total, sums - total])
        return float(np.mean(np.abs(sums) >= observed))
    signs = numpy_rng(seed, "sign-flip").integers(0, 2, (SAMPLED_PATTERNS, len(totals)), dtype=np.int8)
    reached = np.count_nonzero(np.abs((2 * signs - 1) @ totals) >= observed)
    return float((reached + 1) / (SAMPLED_PATTERNS + 1))


class NoiseFloor(NamedTuple):
    """Size of the effects between clean runs that differ in nothing but the permutation (A/A)."""

    mean: float
    largest: float


def noise_floor(gains: Values) -> NoiseFloor:
    """The mean and the largest absolute rank gain of A/A pairs, [u] in bits: less than that is noise."""
    sizes = np.abs(gains)
    return NoiseFloor(float(sizes.mean()), float(sizes.max()))


def worst_case(effects: Values, clusters: Labels) -> float:
    """The mean effect of the worst of several attacks, chosen on other clusters than it is reported on.

    For each cluster, the attack with the largest mean over all other clusters is taken, and its effect
    on this one reported. The plain maximum of the means is too high: it picks the luckiest. Where attacks are nearly
    tied, what is chosen for a cluster tends to be mild on it, and the result may be below the mean of each of them:
    right in the mean over runs, and as uncertain as its interval says.

    Args:
        effects: [attacks, u], higher is worse for the victim.
        clusters: [u], at least two distinct.

    Raises:
        ValueError: a single cluster leaves none to choose on.
    """
    names, labels = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        raise ValueError("the worst attack is chosen on other clusters than it is reported on; give at least two")
    sums = np.stack([np.bincount(labels, row) for row in effects])
    sizes = np.bincount(labels)
    elsewhere = (sums.sum(axis=1, keepdims=True) - sums) / (len(labels) - sizes)
    return float(sums[elsewhere.argmax(axis=0), np.arange(len(names))].sum() / len(labels))
