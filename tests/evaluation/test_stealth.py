"""Distances between profiles, against SciPy and on planted fakes."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from recbench.contracts.profiles import Profiles
from recbench.contracts.threat import RatingScale
from recbench.data.interactions import Interactions
from recbench.evaluation.stealth import jensen_shannon, stealth, total_variation
from recbench.seeds import numpy_rng

STARS = RatingScale(1, 5, 1)


def crowd(seed=0, n_users=300, n_items=60):
    """Users who prefer low item ids and rate them higher."""
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((n_users, n_items)) < np.linspace(0.5, 0.05, n_items))
    ratings = np.clip(np.rint(5 - items / 20 + rng.normal(0, 0.7, len(items))), 1, 5).astype(np.float32)
    return Interactions(users, items, n_users, n_items, ratings)


def copies(train, count):
    """Genuine profiles, injected again."""
    return lent(train, np.random.default_rng(1).choice(train.n_users, count, replace=False))


def lent(train, users):
    """The profiles of these users."""
    parts = [slice(train.indptr[user], train.indptr[user + 1]) for user in users]
    lengths = [part.stop - part.start for part in parts]
    items, ratings = (np.concatenate([array[part] for part in parts]) for array in (train.items, train.ratings))
    return Profiles(np.concatenate([[0], np.cumsum(lengths)]), items, ratings)


def test_divergence_is_the_square_of_scipys_distance():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(6), 5), rng.dirichlet(np.ones(6), 5)
    p[:, 0], q[:, 1] = 0, 0  # empty levels
    p, q = (x / x.sum(axis=1, keepdims=True) for x in (p, q))
    np.testing.assert_allclose(jensen_shannon(p.T, q.T), jensenshannon(p, q, axis=1) ** 2)


def test_disjoint_distributions_are_as_far_apart_as_can_be():
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert total_variation(p, q) == 1
    assert jensen_shannon(p, q) == pytest.approx(np.log(2))


def test_implicit_total_variation_is_the_difference_of_the_shares_of_raters():
    train = Interactions(np.array([0, 1, 2, 3]), np.array([0, 0, 0, 1]), 4, 3)
    fakes = Profiles(np.array([0, 1, 2]), np.array([1, 1]))
    found = stealth(train, fakes, None, subsets=5, seed=0)
    assert found["tvd"].value == pytest.approx((3 / 4 + abs(1 / 4 - 1) + 0) / 3)
    assert set(found) == {"tvd", "js"}


def test_the_rated_version_weighs_items_by_popularity_and_skips_what_one_side_never_rated():
    ratings = np.array([5, 5, 1, 2, 3], dtype=np.float32)
    train = Interactions(np.array([0, 1, 2, 0, 1]), np.array([0, 0, 0, 1, 2]), 3, 4, ratings)
    fakes = Profiles(np.array([0, 3]), np.array([0, 1, 3]), np.array([5, 4, 5]))
    # Item 0, three raters: a third of them differs. Item 1, one rater: all of it differs. Items 2 and 3: one side only.
    assert stealth(train, fakes, STARS, subsets=5, seed=0)["tvd-rated"].value == pytest.approx((3 * 1 / 3 + 1) / 4)


def test_copies_of_genuine_profiles_have_no_excess():
    train = crowd()
    found = stealth(train, copies(train, 30), STARS, subsets=200, seed=0)
    assert set(found) == {"tvd", "js", "tvd-rated", "js-rated"}
    for distance in found.values():
        assert distance.value > 0
        assert 0.02 < distance.percentile < 0.98


def test_profiles_of_unpopular_items_at_the_maximum_stand_out():
    train = crowd()
    rng = np.random.default_rng(2)
    chosen = np.zeros((30, train.n_items), dtype=np.bool_)
    chosen[:, 30:] = rng.random((30, 30)) < 0.5
    found = stealth(train, Profiles.from_dense(chosen, np.full(chosen.shape, 5.0)), STARS, subsets=100, seed=0)
    for distance in found.values():
        assert distance.percentile == 1
        assert distance.excess > 0


def test_the_seed_draws_the_subsets():
    train = crowd()
    first, again, other = (stealth(train, copies(train, 20), STARS, subsets=20, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["tvd"].value == other["tvd"].value
    assert first["tvd"].excess != other["tvd"].excess


def test_users_without_training_rows_change_nothing():
    """A temporal split leaves such users, and no fake is modelled on one."""
    train, rng = crowd(), np.random.default_rng(3)
    ids = np.sort(rng.choice(400, train.n_users, replace=False))  # their order stays
    thinned = Interactions(ids[train.users], train.items, 400, train.n_items, train.ratings)
    fakes = copies(train, 30)
    assert (train.user_counts > 0).all()
    assert stealth(thinned, fakes, STARS, subsets=50, seed=0) == stealth(train, fakes, STARS, subsets=50, seed=0)


def test_where_everybody_has_training_rows_the_subsets_are_drawn_from_all_users():
    """To the bit: published figures stay what they are."""
    train, rng = crowd(), numpy_rng(0, "stealth")
    subsets = [lent(train, rng.choice(train.n_users, 30, replace=False)) for _ in range(20)]
    twins = [stealth(train, subset, STARS, subsets=1, seed=0) for subset in subsets]
    for name, found in stealth(train, copies(train, 30), STARS, subsets=20, seed=0).items():
        assert found.excess == found.value - np.mean([twin[name].value for twin in twins])
