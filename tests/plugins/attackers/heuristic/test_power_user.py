"""Copies of the users whom others resemble."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recbench.contracts import AttackerView
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic import power_user
from recbench_plugins.attackers.heuristic.power_user import Measure, PowerUser, influences, similarities

ViewOn = Callable[..., AttackerView]


def test_similarities_are_correlations_over_common_items_damped_where_few_are_common(movielens: Interactions) -> None:
    found = similarities(movielens, np.array([3, 11]))
    rows = movielens.ratings_csr.toarray().astype(float)
    for k, user in enumerate((3, 11)):
        for other in (0, 5, 77, 404):
            common = (rows[user] > 0) & (rows[other] > 0)
            n = common.sum()
            varies = n > 1 and rows[user][common].std() > 0 and rows[other][common].std() > 0
            expected = np.corrcoef(rows[user][common], rows[other][common])[0, 1] if varies else 0.0
            assert found[k, other] == pytest.approx(expected * min(n, 50) / 50, abs=1e-9)


def test_clicks_are_compared_by_the_cosine(movielens: Interactions) -> None:
    clicks = binarize(movielens)
    rows = clicks.csr.toarray().astype(float)
    found = similarities(clicks, np.array([7]))[0]
    common = rows @ rows[7]
    cosine = common / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[7])
    np.testing.assert_allclose(found, cosine * np.minimum(common, 50) / 50, atol=1e-12)


def test_influence_is_what_its_measure_says_whatever_the_block(
    movielens: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = similarities(movielens, np.arange(movielens.n_users))
    np.fill_diagonal(close, -np.inf)
    nearest = np.sort(close, axis=1)[:, -50:]
    for measure, expected in (
        ("similarity", nearest.sum(axis=1)),
        ("in-degree", (close >= nearest[:, :1]).sum(axis=0)),
        ("ratings", movielens.user_counts),
    ):
        whole, _ = influences(movielens, measure)
        monkeypatch.setattr(power_user, "CELLS", 100 * movielens.n_users)
        blocks, closest = influences(movielens, measure)
        monkeypatch.undo()
        np.testing.assert_allclose(whole, blocks)
        np.testing.assert_allclose(np.argsort(whole)[-5:], np.argsort(expected)[-5:])
        np.testing.assert_array_equal(closest, close.argmax(axis=1))


@pytest.mark.parametrize("measure", ["in-degree", "ratings", "similarity"])
def test_a_profile_is_its_users_most_popular_items_with_the_users_ratings(
    movielens: Interactions, view_on: ViewOn, measure: Measure
) -> None:
    profiles = PowerUser(measure).craft(view_on(movielens, [31] * 10, [1400]))
    influence, _ = influences(movielens, measure)
    users = np.argsort(-influence, kind="stable")[:10]
    assert profiles.ratings is not None
    for k, user in enumerate(users):
        own = np.setdiff1d(movielens.histories[user], [1400])
        popular = np.sort(movielens.item_counts[own])[::-1][:30]
        items, ratings = profiles.histories[k], profiles.ratings[31 * k : 31 * (k + 1)]
        fillers = items != 1400
        assert np.isin(items[fillers], own).all()
        np.testing.assert_array_equal(np.sort(movielens.item_counts[items[fillers]])[::-1], popular)
        np.testing.assert_array_equal(ratings[fillers], movielens.ratings_csr[user].toarray().ravel()[items[fillers]])


def test_a_profile_longer_than_its_user_goes_on_with_the_nearest_neighbour(
    planted: Interactions, view_on: ViewOn
) -> None:
    influence, nearest = influences(planted, "in-degree")
    user = int(np.argmax(influence))
    own, theirs = planted.histories[user], planted.histories[nearest[user]]
    union = np.union1d(own, theirs)
    view = view_on(planted, [len(union) + 1], [29])
    assert set(PowerUser().craft(view).items) == {*union, 29}


def test_more_profiles_than_users_begin_anew(planted: Interactions, view_on: ViewOn) -> None:
    longest = replace(PowerUser(), measure="ratings")
    profiles = longest.craft(view_on(planted, [4] * 61, [29], explicit=False))
    held = [set(profiles.histories[k]) for k in (0, 60)]
    assert planted.user_counts.max() >= 4
    first = planted.histories[int(np.argsort(-planted.user_counts, kind="stable")[0])]
    assert all(items - {29} <= set(first) for items in held)
