"""The activity and duplicate filter: by hand, on attacks, and what it costs on clean data."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from recbench.contracts import FitContext
from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection.activity_filter import ActivityFilter, like_activity, robust_deviations

CTX = FitContext(seed=0)


def crowd(extra: list[np.ndarray]) -> Interactions:
    """200 users with 10 to 30 of 300 items at random, and the given profiles after them."""
    rng = np.random.default_rng(0)
    profiles = [rng.choice(300, size, replace=False) for size in rng.integers(10, 31, 200)] + extra
    users = np.repeat(np.arange(len(profiles)), [len(each) for each in profiles])
    return Interactions(users, np.concatenate(profiles), len(profiles), 300)


def test_deviations_are_standard_deviations_of_a_gaussian() -> None:
    values = np.random.default_rng(0).normal(3, 2, 20_000)
    np.testing.assert_allclose(robust_deviations(values), (values - 3) / 2, atol=0.1)
    np.testing.assert_array_equal(robust_deviations(np.array([1.0] * 9 + [9.0])), 0)


def test_groups_are_about_equal_and_never_separate_equal_lengths() -> None:
    lengths = np.repeat([1, 2, 3, 4, 50], [100, 100, 100, 100, 10])
    group = like_activity(lengths)
    assert all(len(set(group[lengths == each])) == 1 for each in (1, 2, 3, 4, 50))
    assert len(set(group)) == 4
    assert len(set(like_activity(lengths[:20]))) == 1


def test_a_user_of_extraordinary_activity_goes() -> None:
    keep = ActivityFilter().inspect(crowd([np.arange(250)]), CTX).keep
    np.testing.assert_array_equal(np.flatnonzero(~keep), [200])


def test_two_users_with_one_list_go() -> None:
    twin = np.arange(20)
    keep = ActivityFilter().inspect(crowd([twin, twin[::-1]]), CTX).keep
    np.testing.assert_array_equal(np.flatnonzero(~keep), [200, 201])


def test_who_has_nothing_stays_and_is_the_least_suspicious() -> None:
    data = crowd([])
    verdict = ActivityFilter().inspect(Interactions(data.users, data.items, 201, 300), CTX)
    assert verdict.suspicion[200] == verdict.suspicion.min()
    assert verdict.keep[200]
    assert ActivityFilter().inspect(Interactions(data.users[:0], data.items[:0], 3, 3), CTX).keep.all()


@pytest.mark.parametrize("attack", ["random", "average", "bandwagon"])
@pytest.mark.parametrize("name", ["ml-100k", "filmtrust"])
def test_lists_that_resemble_nobodys_are_suspicious(poisoned: Callable[..., Any], name: str, attack: str) -> None:
    data, fake = poisoned(name, 0.03, attack)
    assert roc_auc_score(fake, ActivityFilter().inspect(data, CTX).suspicion) > 0.85


@pytest.mark.parametrize(("name", "cost"), [("ml-100k", 0.005), ("filmtrust", 0.05)])
def test_few_genuine_users_are_removed_where_nobody_attacked(
    genuine: dict[str, Interactions], name: str, cost: float
) -> None:
    assert 0 < (~ActivityFilter().inspect(genuine[name], CTX).keep).mean() < cost


def test_relabelled_users_in_another_order_get_the_same_verdict(
    poisoned: Callable[..., Any], relabelled: Callable[..., Any]
) -> None:
    data, _ = poisoned("filmtrust", 0.03)
    other, ids = relabelled(data)
    first, second = (ActivityFilter().inspect(each, CTX) for each in (data, other))
    np.testing.assert_allclose(second.suspicion[ids], first.suspicion, atol=1e-12)
    np.testing.assert_array_equal(second.keep[ids], first.keep)
