"""Genuine profiles plus the targets."""

from collections.abc import Callable

import numpy as np

from recbench.contracts import AttackerView, Profiles
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.copy import Copy

TARGET = 1600


def templates(data: Interactions, profiles: Profiles, k: int) -> np.ndarray:
    """The users who have every filler of profile `k`."""
    items = profiles.histories[k]
    fillers = items[items != TARGET]
    return np.flatnonzero(np.asarray(data.csr[:, fillers].sum(axis=1)).ravel() == len(fillers))


def test_a_profile_is_part_of_a_genuine_one_with_its_ratings_and_in_its_order(
    movielens: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = Copy().craft(view_on(movielens, [40] * 30, [TARGET]))
    assert profiles.ratings is not None
    used = set()
    for k in range(30):
        (template,) = templates(movielens, profiles, k)  # 39 shared items name one user
        used.add(int(template))
        items, ratings = profiles.items[40 * k : 40 * (k + 1)], profiles.ratings[40 * k : 40 * (k + 1)]
        filler = items != TARGET
        place = [int(np.flatnonzero(movielens.histories[template] == item)[0]) for item in items[filler]]
        assert place == sorted(place)
        own = movielens.ratings_csr[template].toarray().ravel()
        np.testing.assert_array_equal(ratings[filler], own[items[filler]])
    assert len(used) > 20


def test_templates_have_enough_items(movielens: Interactions, view_on: Callable[..., AttackerView]) -> None:
    sizes = [20, 200, 700]
    profiles = Copy().craft(view_on(movielens, sizes, [TARGET], explicit=False))
    for k in range(3):
        assert len(templates(movielens, profiles, k)) >= 1


def test_the_longest_profile_is_topped_up_where_nobody_has_enough(
    planted: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    longest = int(planted.user_counts.max())
    target = 29  # which nobody has
    size = longest + 3
    profiles = Copy().craft(view_on(planted, [size] * 10, [target]))
    shared = [np.max(planted.csr[:, profiles.histories[k]].sum(axis=1)) for k in range(10)]
    assert shared == [longest] * 10
    profiles.check(view_on(planted, [size] * 10, [target]).budget)
