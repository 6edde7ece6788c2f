"""FAP: the walk against dense matrices, its seeds, and the attacks that it completes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from recbench.contracts import FitContext
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection.fap import FAP, action_weights, propagate
from recbench_plugins.defenses.detection.pca_varselect import PCAVarSelect

CTX = FitContext(seed=0)


def small() -> Interactions:
    """20 users and 12 items, the last of either without interactions."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((19, 11)) < 0.4)
    return Interactions(users, items, 20, 12, rng.integers(1, 6, len(users)).astype(np.float32))


def test_weights_are_one_and_the_relative_deviations_from_three_means() -> None:
    data = small()
    dense = data.ratings_csr.toarray().astype(float)
    u, i = data.users[5], data.items[5]
    r = dense[u, i]
    means = (dense[u][dense[u] > 0].mean(), dense[:, i][dense[:, i] > 0].mean(), dense[dense > 0].mean())
    np.testing.assert_allclose(action_weights(data)[5], 1 + sum(abs(r - mean) / mean for mean in means))
    np.testing.assert_array_equal(action_weights(binarize(data)), 1)


def test_the_walk_is_that_of_dense_transition_matrices() -> None:
    data = small()
    weights = action_weights(data)
    w = np.zeros((20, 12))
    w[data.users, data.items] = weights
    with np.errstate(invalid="ignore"):
        polished = np.nan_to_num(w / (w.sum(1, keepdims=True) * w.sum(0, keepdims=True)))
        t_ui = np.nan_to_num(polished / polished.sum(1, keepdims=True))
        t_iu = np.nan_to_num(polished / polished.sum(0, keepdims=True)).T
    seeds = np.zeros(20)
    seeds[[2, 7]] = 0.5
    expected = seeds
    for _ in range(4):
        expected = 0.8 * t_ui @ t_iu @ expected + 0.2 * seeds
    np.testing.assert_allclose(propagate(data, weights, seeds, 0.8, 4), expected, atol=1e-12)


def test_without_restart_the_fixed_point_would_not_tell_users_apart() -> None:
    data = small()
    seeds = np.eye(20)[2]
    flat, walk = (propagate(data, action_weights(data), seeds, c, 2000)[:19] for c in (1.0, 0.8))
    reached = walk > 0
    assert reached.sum() > 15
    assert np.ptp(flat[reached]) < 1e-9 < np.ptp(walk[reached])


@pytest.mark.parametrize("name", ["ml-100k", "filmtrust"])
@pytest.mark.parametrize("attack", ["random", "average"])
def test_a_found_attack_is_completed(poisoned: Callable[..., Any], name: str, attack: str) -> None:
    data, fake = poisoned(name, 0.03, attack)
    verdict = FAP().inspect(data, CTX)
    verdict.check(data.n_users)
    assert roc_auc_score(fake, verdict.suspicion) > 0.98
    assert not verdict.keep[fake].any()
    assert verdict.keep[~fake].mean() > 0.97


@pytest.mark.parametrize("implicit", [False, True])
def test_relabelled_users_in_another_order_get_the_same_verdict(
    poisoned: Callable[..., Any], relabelled: Callable[..., Any], implicit: bool
) -> None:
    data, _ = poisoned("filmtrust", 0.03)
    data = binarize(data) if implicit else data
    other, ids = relabelled(data)
    first, second = FAP().inspect(data, CTX), FAP().inspect(other, FitContext(seed=1))
    np.testing.assert_allclose(second.suspicion[ids], first.suspicion, atol=1e-12)
    np.testing.assert_array_equal(second.keep[ids], first.keep)


@pytest.mark.parametrize("name", ["ml-100k", "filmtrust"])
def test_where_nobody_is_found_the_most_suspected_rank_the_others_and_everybody_stays(
    genuine: dict[str, Interactions], name: str
) -> None:
    data = genuine[name]
    verdict = FAP().inspect(data, CTX)
    assert verdict.keep.all()
    first = np.argsort(-PCAVarSelect().inspect(data, CTX).suspicion)[:5]
    assert (verdict.suspicion[first] > np.quantile(verdict.suspicion, 0.9)).all()
