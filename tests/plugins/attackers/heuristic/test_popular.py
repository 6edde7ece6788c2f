"""The most popular items as fillers, rated low so that the target stands out."""

from collections.abc import Callable

import numpy as np
import pytest

from recbench.contracts import AttackerView
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.popular import Popular


def test_fillers_are_the_most_popular_items(movielens: Interactions, view_on: Callable[..., AttackerView]) -> None:
    cold = int(np.argmin(movielens.item_counts))
    best = int(np.argmax(movielens.item_counts))
    profiles = Popular().craft(view_on(movielens, [50] * 20, [cold, best], explicit=False))
    counts = movielens.item_counts[profiles.items].astype(float)
    fillers = ~np.isin(profiles.items, [cold, best])
    expected = np.sort(np.delete(movielens.item_counts, [cold, best]))[::-1][:48]
    np.testing.assert_array_equal(-np.sort(-counts[fillers].reshape(20, 48), axis=1), np.tile(expected, (20, 1)))


@pytest.mark.parametrize(("goal", "liked", "other"), [("push", 2.0, 1.0), ("nuke", 5.0, 4.0)])
def test_well_liked_fillers_are_rated_a_step_above_the_others(
    movielens: Interactions, view_on: Callable[..., AttackerView], goal: str, liked: float, other: float
) -> None:
    target = int(np.argmin(movielens.item_counts))
    profiles = Popular().craft(view_on(movielens, [300], [target], goal=goal))
    assert movielens.ratings is not None
    assert profiles.ratings is not None
    seen = set()
    for item, rating in zip(profiles.items, profiles.ratings, strict=True):
        if item != target:
            above = movielens.ratings[movielens.items == item].mean() >= movielens.ratings.mean()
            assert rating == (liked if above else other)
            seen.add(bool(above))
    assert seen == {True, False}
