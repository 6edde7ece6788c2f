"""Uniform fillers, rated like the whole of the data."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from recbench.contracts import AttackerView, ItemStatistics
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.random import Random, moments_of_all


def test_fillers_are_uniform(planted: Interactions, view_on: Callable[..., AttackerView]) -> None:
    profiles = Random().craft(view_on(planted, [5] * 3000, [3], explicit=False))
    counts = np.delete(np.bincount(profiles.items, minlength=30), 3)
    assert stats.chisquare(counts).pvalue > 0.01


def test_fillers_are_rated_by_the_clipped_and_rounded_normal_of_all_ratings(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = Random().craft(view_on(movielens, [106] * 300, [0]))
    assert profiles.ratings is not None
    ratings = profiles.ratings[profiles.items != 0]
    assert movielens.ratings is not None
    normal = stats.norm(movielens.ratings.mean(), movielens.ratings.astype(float).std())
    stars = np.arange(1, 6)
    shares = np.diff(normal.cdf([-np.inf, 1.5, 2.5, 3.5, 4.5, np.inf]))
    mean = shares @ stars
    deviation = np.sqrt(shares @ (stars - mean) ** 2)
    assert abs(ratings.mean() - mean) < 3 * deviation / np.sqrt(len(ratings))
    assert abs(ratings.std() - deviation) < 0.02 * deviation


def test_the_moments_of_all_ratings_follow_from_those_of_the_items(movielens: Interactions) -> None:
    mean, deviation = moments_of_all(ItemStatistics.of(movielens))
    assert movielens.ratings is not None
    ratings = movielens.ratings.astype(float)
    np.testing.assert_allclose([mean, deviation], [ratings.mean(), ratings.std(ddof=1)], rtol=1e-3)
