"""Whom to remove: a component apart, or a declared share."""

import numpy as np
import pytest

from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection.cut_rules import kept, kept_by_mixture, kept_by_share

NOBODY = Interactions(np.zeros(0, np.int32), np.zeros(0, np.int32), 300, 5)


def two_groups(n_fakes: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    suspicion = np.concatenate([rng.normal(size=1000), rng.normal(distance, 0.5, n_fakes)])
    return suspicion, np.arange(len(suspicion)) >= 1000


def test_a_small_component_far_above_the_rest_is_removed() -> None:
    suspicion, fake = two_groups(40, 8)
    keep = kept_by_mixture(suspicion)
    assert not keep[fake].any()
    assert keep[~fake].mean() > 0.99


@pytest.mark.parametrize(("n_fakes", "distance"), [(0, 0), (40, 1), (800, 8), (40, -8)])
def test_one_component_two_that_overlap_a_large_one_and_one_below_remove_nobody(n_fakes: int, distance: float) -> None:
    assert kept_by_mixture(two_groups(n_fakes, distance)[0]).mean() > 0.99


def test_the_mixture_does_not_depend_on_the_scale_of_suspicion_or_the_order_of_users() -> None:
    suspicion, _ = two_groups(40, 8)
    order = np.random.default_rng(1).permutation(len(suspicion))
    np.testing.assert_array_equal(kept_by_mixture(3 * suspicion[order] - 7), kept_by_mixture(suspicion)[order])


def test_equal_suspicion_removes_nobody() -> None:
    assert kept_by_mixture(np.ones(50)).all()
    assert kept_by_share(np.ones(50)).all()


def test_a_share_is_a_share_and_the_most_suspicious() -> None:
    np.testing.assert_array_equal(np.flatnonzero(~kept_by_share(np.arange(100.0))), np.arange(95, 100))


def test_the_rule_is_chosen_by_name() -> None:
    suspicion = np.arange(300.0)
    assert kept("target-lift", NOBODY, suspicion, 6.0).all()
    assert kept("share", NOBODY, suspicion, 6.0).sum() == 285
    np.testing.assert_array_equal(kept("mixture", NOBODY, suspicion, 6.0), kept_by_mixture(suspicion))
