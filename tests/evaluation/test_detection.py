"""Detection, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from recbench.evaluation.detection import Removal, average_precision, percentiles, recall_at_fpr, roc_auc


def case(seed, n=120, distinct=15):
    """Suspicions with many ties; at least one fake and one genuine user."""
    rng = np.random.default_rng(seed)
    fake = rng.random(n) < rng.uniform(0.02, 0.5)
    fake[:2] = [True, False]
    return rng.integers(0, distinct, n) + 2.0 * fake, fake


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_average_precision_and_auc_agree_with_scikit_learn(seed):
    suspicion, fake = case(seed)
    assert average_precision(suspicion, fake) == pytest.approx(metrics.average_precision_score(fake, suspicion))
    assert roc_auc(suspicion, fake) == pytest.approx(metrics.roc_auc_score(fake, suspicion))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.05, 0.2]))
@settings(deadline=None)
def test_recall_at_a_false_positive_rate_is_a_point_of_the_roc_curve(seed, fpr):
    suspicion, fake = case(seed)
    rates, recalls, _ = metrics.roc_curve(fake, suspicion, drop_intermediate=False)
    assert recall_at_fpr(suspicion, fake, fpr) == pytest.approx(recalls[rates <= fpr + 1e-12].max())


def test_a_tie_between_fakes_and_too_many_genuine_users_is_not_split():
    suspicion = np.array([9, 5, 5, 5, 1, 1], dtype=float)
    fake = np.array([True, True, True, False, False, False])
    assert recall_at_fpr(suspicion, fake, 0.05) == pytest.approx(1 / 3)
    assert recall_at_fpr(suspicion, fake, 0.34) == 1


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_own_threshold_agrees_with_scikit_learn(seed):
    suspicion, fake = case(seed)
    removed = suspicion > 10
    removal = Removal.of(removed, fake)
    assert removal.recall == pytest.approx(metrics.recall_score(fake, removed))
    assert removal.f1 == pytest.approx(metrics.f1_score(fake, removed))
    assert removal.accuracy == pytest.approx(metrics.accuracy_score(fake, removed))
    if removed.any():
        assert removal.precision == pytest.approx(metrics.precision_score(fake, removed))
    assert removal.genuine_share == pytest.approx(removed[~fake].mean())


def test_what_is_removed_in_peace_is_still_reported():
    removal = Removal.of(np.array([True, False, False, False]), np.zeros(4, dtype=np.bool_))
    assert removal.genuine_share == 0.25
    assert removal.accuracy == 0.75
    assert removal.precision == 0
    assert removal.recall is None
    assert removal.f1 is None


def test_a_detector_that_removes_nobody_has_no_precision():
    removal = Removal.of(np.zeros(3, dtype=np.bool_), np.array([True, False, False]))
    assert removal.precision is None
    assert removal.f1 == 0


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_order_of_users_does_not_matter(seed):
    suspicion, fake = case(seed)
    order = np.random.default_rng(seed).permutation(len(fake))
    for metric in (average_precision, roc_auc):
        assert metric(suspicion[order], fake[order]) == pytest.approx(metric(suspicion, fake), abs=1e-12)


def test_a_fakes_percentile_is_the_share_of_genuine_users_who_are_less_suspicious() -> None:
    suspicion = np.array([1.0, 2.0, 2.0, 4.0, 5.0, 2.0, 0.0])
    assert percentiles(suspicion, n_genuine=4).tolist() == [1.0, 0.5, 0.0]
