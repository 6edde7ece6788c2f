"""A share of items that many know and nobody likes."""

from collections.abc import Callable

import numpy as np

from recbench.contracts import AttackerView, ItemStatistics
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.reverse_bandwagon import ReverseBandwagon


def test_disliked_items_are_widely_rated_and_of_the_lowest_means(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = ReverseBandwagon(selected=1.0).craft(view_on(movielens, [30] * 100, [0], goal="nuke"))
    statistics = ItemStatistics.of(movielens)
    assert statistics.means is not None
    known = movielens.item_counts >= np.quantile(movielens.item_counts, 0.75)
    disliked = np.unique(profiles.items[profiles.items != 0])
    assert known[disliked].all()
    lowest = np.sort(np.delete(statistics.means, 0)[np.delete(known, 0)])[83]
    assert statistics.means[disliked].max() == lowest
    assert profiles.ratings is not None
    assert (profiles.ratings == 1).all()


def test_other_fillers_are_rated_like_all_ratings(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = ReverseBandwagon().craft(view_on(movielens, [61] * 200, [0], goal="nuke"))
    assert profiles.ratings is not None
    assert movielens.ratings is not None
    lowest = (profiles.ratings.reshape(200, 61) == 1).sum(axis=1)
    assert lowest.min() >= 31  # the target, 30 disliked items, and what the normal law puts there
    others = np.sort(profiles.ratings.reshape(200, 61), axis=1)[:, 31:]
    assert abs(others.mean() - movielens.ratings.mean()) < 0.1
