"""Outlier detectors on shilling attributes: found attacks, relabelling, cost on clean data, degenerate data."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from recbench.contracts import FitContext, Sanitizer
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection.attribute_space import attribute_points
from recbench_plugins.defenses.detection.isolation_forest import AttributeForest
from recbench_plugins.defenses.detection.lof import AttributeLOF
from recbench_plugins.defenses.detection.one_class_svm import AttributeSVM

CTX = FitContext(seed=0)
every = pytest.mark.parametrize("detector", [AttributeForest(trees=100), AttributeSVM(), AttributeLOF()])


def test_points_are_uncorrelated_of_unit_variance_and_know_their_user() -> None:
    rng = np.random.default_rng(0)
    raw = rng.lognormal(size=(200, 3))
    attributes = np.column_stack([raw, raw[:, 0] * 2, np.ones(200)])
    points, order = attribute_points(attributes)
    assert points.shape == (200, 3)  # what says the same twice, or nothing, takes no dimension
    np.testing.assert_allclose(np.cov(points.T, bias=True), np.eye(3), atol=1e-9)
    shuffled = rng.permutation(200)
    again, other = attribute_points(attributes[shuffled])
    np.testing.assert_array_equal(points, again)
    np.testing.assert_array_equal(order, shuffled[other])


@every
@pytest.mark.parametrize("implicit", [False, True])
def test_relabelled_users_in_another_order_get_the_same_verdict(
    poisoned: Callable[..., Any], relabelled: Callable[..., Any], detector: Sanitizer, implicit: bool
) -> None:
    data, _ = poisoned("filmtrust", 0.03)
    data = binarize(data) if implicit else data
    other, ids = relabelled(data)
    first, second = detector.inspect(data, CTX), detector.inspect(other, CTX)
    np.testing.assert_allclose(second.suspicion[ids], first.suspicion, atol=1e-9)
    np.testing.assert_array_equal(second.keep[ids], first.keep)


FOUND = {"AttributeForest": 0.9, "AttributeSVM": 0.75, "AttributeLOF": 0.85}
"""The least AUC on ml-100k with fakes of genuine lengths."""


@every
@pytest.mark.parametrize("attack", ["random", "average", "bandwagon", "popular"])
def test_planted_fakes_are_outliers_of_dense_data(
    poisoned: Callable[..., Any], detector: Sanitizer, attack: str
) -> None:
    data, fake = poisoned("ml-100k", 0.03, attack)
    verdict = detector.inspect(data, CTX)
    verdict.check(data.n_users)
    assert roc_auc_score(fake, verdict.suspicion) > FOUND[type(detector).__name__]


@pytest.mark.parametrize("attack", ["random", "average", "bandwagon"])
def test_the_forest_removes_fakes_and_hardly_anyone_else(poisoned: Callable[..., Any], attack: str) -> None:
    data, fake = poisoned("ml-100k", 0.03, attack)
    keep = AttributeForest().inspect(data, CTX).keep
    assert not keep[fake].any()
    assert keep[~fake].mean() > 0.99


@every
@pytest.mark.parametrize(("name", "cost"), [("ml-100k", 0.0), ("filmtrust", 0.05)])
def test_hardly_anyone_is_removed_where_nobody_attacked(
    genuine: dict[str, Interactions], detector: Sanitizer, name: str, cost: float
) -> None:
    assert (~detector.inspect(genuine[name], CTX).keep).mean() <= cost


@every
def test_who_has_nothing_is_the_least_suspicious(genuine: dict[str, Interactions], detector: Sanitizer) -> None:
    data = genuine["filmtrust"]
    verdict = detector.inspect(replace(data, n_users=data.n_users + 1), CTX)
    assert verdict.suspicion[-1] == verdict.suspicion.min()
    assert verdict.keep[-1]


@every
def test_users_who_are_all_alike_are_all_kept(detector: Sanitizer) -> None:
    users, items = np.divmod(np.arange(12), 3)
    verdict = detector.inspect(Interactions(users, items, 4, 3), CTX)
    verdict.check(4)
    assert np.ptp(verdict.suspicion) < 1e-9
    assert verdict.keep.all()


def test_a_vector_machine_fitted_to_a_sample_ranks_like_one_fitted_to_all(poisoned: Callable[..., Any]) -> None:
    data, fake = poisoned("ml-100k", 0.03)
    whole, sample = (AttributeSVM(fitted=n).inspect(data, CTX).suspicion for n in (10_000, 400))
    assert np.corrcoef(whole, sample)[0, 1] > 0.8
    assert roc_auc_score(fake, sample) > 0.7
