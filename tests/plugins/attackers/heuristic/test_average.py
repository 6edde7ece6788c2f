"""Fillers that are rated as they usually are."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from recbench.contracts import AttackerView, ItemStatistics
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.average import Average, in_proportion


def test_an_item_is_rated_by_the_rounded_and_clipped_normal_of_its_own_ratings(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    statistics = ItemStatistics.of(movielens)
    assert statistics.means is not None
    assert statistics.stds is not None
    profiles = Average().craft(view_on(movielens, [200] * 800, [1400]))
    assert profiles.ratings is not None
    often = np.flatnonzero(movielens.item_counts > 300)[::25]
    stars = np.arange(1, 6)
    for item in often:
        ratings = profiles.ratings[profiles.items == item]
        normal = stats.norm(statistics.means[item], statistics.stds[item])
        shares = np.diff(normal.cdf([-np.inf, 1.5, 2.5, 3.5, 4.5, np.inf]))
        mean = shares @ stars
        deviation = np.sqrt(shares @ (stars - mean) ** 2)
        assert abs(ratings.mean() - mean) < 4 * deviation / np.sqrt(len(ratings))
        assert ratings.std() == pytest.approx(deviation, rel=0.25)
        assert ratings.std() < statistics.means[item]  # taken for the deviation, the mean makes extremes of all


def test_fillers_are_uniform_where_ratings_tell_the_items_apart(
    planted: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = Average().craft(view_on(planted, [5] * 3000, [3]))
    assert stats.chisquare(np.delete(np.bincount(profiles.items, minlength=30), 3)).pvalue > 0.01


def test_clicks_are_drawn_in_proportion_to_the_counts(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    counts = movielens.item_counts[:40]
    view = view_on(movielens, [1], [0], explicit=False)
    first = in_proportion(view, counts)(np.arange(20_000)).argmax(axis=1)
    expected = 20_000 * counts / counts.sum()
    assert stats.chisquare(np.bincount(first, minlength=40), expected).pvalue > 0.01


def test_an_item_that_nobody_has_is_clicked_only_where_nothing_else_is_left(
    planted: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = Average().craft(view_on(planted, [8] * 50 + [30], [3], explicit=False))
    assert np.flatnonzero(profiles.items == 29).tolist()[0] >= 400


def test_average_over_popular_takes_fillers_from_the_most_popular_share(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    cold = int(np.argmin(movielens.item_counts))
    for explicit in (True, False):
        profiles = Average(pool=0.1).craft(view_on(movielens, [40] * 100, [cold], explicit=explicit))
        counts = movielens.item_counts[profiles.items[profiles.items != cold]]
        assert counts.min() >= np.sort(movielens.item_counts)[-168]
