"""A share of popular items, chosen by count."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from recbench.contracts import AttackerView
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.bandwagon import Bandwagon


def popular_in(data: Interactions, share: float) -> np.ndarray:
    counts = data.item_counts
    return np.asarray(counts > np.sort(counts)[-round(share * len(counts))])


def test_half_of_every_profile_is_from_the_most_popular_tenth(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    sizes = [20, 41, 101, 301]
    profiles = Bandwagon().craft(view_on(movielens, sizes, [0, 1400], explicit=False))
    counts = movielens.item_counts
    tenth = np.sort(np.delete(counts, [0, 1400]))[-168]
    for k, size in enumerate(sizes):
        fillers = profiles.histories[k][~np.isin(profiles.histories[k], [0, 1400])]
        strictly, at_least = (counts[fillers] > tenth).sum(), (counts[fillers] >= tenth).sum()
        assert strictly <= min(round((size - 2) / 2), 168) <= at_least


def test_within_and_outside_the_pool_items_are_drawn_alike(
    planted: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = Bandwagon(selected=0.5, pool=1 / 3).craft(view_on(planted, [9] * 2000, [29], explicit=False))
    found = np.sort(np.bincount(profiles.items, minlength=30)[:29])
    assert found[-10:].sum() == 8000
    assert stats.chisquare(found[-10:]).pvalue > 0.01
    assert stats.chisquare(found[:19]).pvalue > 0.01


def test_the_papers_few_are_rated_highest_and_chosen_by_count_not_by_mean(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = Bandwagon(selected=0.05, pool=0.003).craft(view_on(movielens, [101] * 50, [1400]))
    counts = np.bincount(profiles.items, minlength=movielens.n_items)
    few = np.flatnonzero(counts == 50)
    few = few[few != 1400]
    assert set(few) == set(np.argsort(-movielens.item_counts)[:5])
    assert profiles.ratings is not None
    assert (profiles.ratings[np.isin(profiles.items, few)] == 5).all()
    assert movielens.ratings is not None
    rest = profiles.ratings[~np.isin(profiles.items, [*few, 1400])]
    assert abs(rest.mean() - movielens.ratings.mean()) < 0.1


def test_without_a_selected_share_no_popular_item_is_held(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = Bandwagon(selected=0.0).craft(view_on(movielens, [50] * 20, [1400], explicit=False))
    assert not popular_in(movielens, 0.1)[profiles.items].any()
