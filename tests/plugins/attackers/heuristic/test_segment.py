"""What those who like the target's kind like."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recbench.contracts import AttackerView
from recbench.data.catalog import Catalog
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench_plugins.attackers.heuristic.segment import Segment, lift, segments

ViewOn = Callable[..., AttackerView]


@pytest.fixture(scope="module")
def catalog(mirror: Path) -> Catalog:
    return read_interactions(mirror / "ml-100k").catalog


def test_a_segment_is_the_most_popular_items_of_the_targets_rarest_genre(
    movielens: Interactions, view_on: ViewOn, catalog: Catalog
) -> None:
    targets = [k for k, genres in enumerate(catalog.genres) if set(genres) == {"Horror", "Thriller"}][:1]
    targets += [k for k, genres in enumerate(catalog.genres) if genres == ("Western",)][:1]
    view = replace(view_on(movielens, [31] * 10, targets, explicit=False), catalog=catalog)
    profiles = Segment().craft(view)
    for k in range(10):
        genre = ("Horror", "Western")[k % 2]
        of_kind = [item for item, genres in enumerate(catalog.genres) if genre in genres and item not in targets]
        fillers = np.setdiff1d(profiles.histories[k], targets)
        wanted = movielens.item_counts[of_kind]
        inside = np.isin(fillers, of_kind)
        expected = np.sort(wanted)[::-1][: len(fillers)]
        np.testing.assert_array_equal(np.sort(movielens.item_counts[fillers[inside]])[::-1], expected)
        # There are not as many westerns: the most popular items of any kind fill the profile.
        assert inside.sum() == min(len(fillers), len(of_kind))


def test_liked_items_are_rated_highest_and_uniform_fillers_lowest(
    movielens: Interactions, view_on: ViewOn, catalog: Catalog
) -> None:
    view = replace(view_on(movielens, [42] * 30, [66, 200]), catalog=catalog)
    profiles = Segment(selected=0.25).craft(view)
    assert profiles.ratings is not None
    places = segments(view)
    for k in range(30):
        items = profiles.histories[k]
        ratings = profiles.ratings[42 * k : 42 * (k + 1)]
        liked = ~np.isin(items, [66, 200]) & (ratings == 5)
        assert sorted(places[k % 2, items[liked]]) == list(range(10))
        assert set(ratings[~liked & ~np.isin(items, [66, 200])]) == {1.0}


def test_without_genres_a_segment_is_what_is_held_with_the_target_oftener_than_by_chance(view_on: ViewOn) -> None:
    """Two groups of 40 users with 10 items each; item 20 is everybody's, item 21 rare, the target is the first's."""
    rng = np.random.default_rng(0)
    rows = np.zeros((80, 22), np.bool_)
    rows[:40, :10] = rng.random((40, 10)) < 0.5
    rows[40:, 10:20] = rng.random((40, 10)) < 0.7
    rows[:, 20] = True
    rows[0, 21] = rows[0, 3] = True
    users, items = np.nonzero(rows)
    data = Interactions(users, items, 80, 22, np.full(len(users), 3.0, np.float32))
    view = view_on(data, [6] * 9, [3], explicit=False)
    found = lift(view)[0]
    counts = data.item_counts
    together = (rows[:, [3]] & rows).sum(axis=0)
    expected = np.where((counts > np.median(counts)) & (together >= 3), together * 80 / (counts[3] * counts), 0)
    np.testing.assert_allclose(found, expected)
    assert found[21] == 0  # one user in common is not yet a taste


def test_what_the_only_user_of_a_target_has_is_not_its_segment_the_rarest_first(view_on: ViewOn) -> None:
    """Item 0 is the first user's alone, who has all others; item k is k users' more."""
    rows = np.arange(1, 31)[:, None] <= np.arange(20)[None, :]
    rows[0] = True
    users, items = np.nonzero(rows)
    data = Interactions(users, items, 30, 20, np.full(len(users), 3.0, np.float32))
    profiles = Segment().craft(view_on(data, [6] * 4, [0], explicit=False))
    for k in range(4):
        assert sorted(profiles.histories[k]) == [0, 15, 16, 17, 18, 19]


def test_the_company_of_a_target_that_nobody_has_is_the_most_popular(planted: Interactions, view_on: ViewOn) -> None:
    profiles = Segment().craft(view_on(planted, [6] * 10, [29], explicit=False))
    expected = np.sort(planted.item_counts)[::-1][:5]
    for k in range(10):
        fillers = profiles.histories[k][profiles.histories[k] != 29]
        np.testing.assert_array_equal(np.sort(planted.item_counts[fillers])[::-1], expected)
