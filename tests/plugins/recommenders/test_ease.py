"""EASE against the closed form in double precision, and on real data."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from recbench.contracts import FitContext, RecbenchError, Recommender
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.ease import EASE, mirror_upper

EVERYONE = np.arange(50)


def test_the_weights_are_the_closed_form(small: Interactions) -> None:
    x = small.csr.toarray().astype(np.float64)
    precision = np.linalg.inv(x.T @ x + 7.0 * np.eye(20))
    expected = np.array([[0.0 if i == j else -precision[i, j] / precision[j, j] for j in range(20)] for i in range(20)])
    scorer = EASE(lam=7.0).fit(small, FitContext(seed=0))
    np.testing.assert_allclose(scorer.weights, expected, rtol=1e-3, atol=1e-5)
    scores = scorer.score(EVERYONE)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, x @ expected, rtol=1e-3, atol=1e-4)


def test_each_column_is_a_ridge_regression_on_the_other_items(small: Interactions) -> None:
    x = small.csr.toarray().astype(np.float64)
    weights = EASE(lam=7.0).fit(small, FitContext(seed=0)).weights
    for j in range(20):
        others = np.delete(np.arange(20), j)
        ridge = np.linalg.solve(x[:, others].T @ x[:, others] + 7.0 * np.eye(19), x[:, others].T @ x[:, j])
        np.testing.assert_allclose(weights[others, j], ridge, rtol=1e-3, atol=1e-5)


def test_an_empty_history_and_an_unseen_item_score_zero_without_a_warning(small: Interactions) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = EASE().fit(small, FitContext(seed=0)).score(EVERYONE)
    assert np.isfinite(scores).all()
    assert not scores[49].any()
    assert not scores[:, 19].any()


def test_ratings_are_not_read(small: Interactions) -> None:
    explicit, implicit = (EASE().fit(data, FitContext(seed=0)) for data in (small, binarize(small)))
    np.testing.assert_array_equal(explicit.score(EVERYONE), implicit.score(EVERYONE))


def test_too_little_regularization_is_named(small: Interactions) -> None:
    with pytest.raises(RecbenchError, match="raise lam"):
        EASE(lam=-1.0).fit(small, FitContext(seed=0))


@pytest.mark.parametrize(("size", "block"), [(7, 3), (8, 4), (5, 512)])
def test_mirroring_copies_the_upper_triangle(size: int, block: int) -> None:
    matrix = np.random.default_rng(0).random((size, size)).astype(np.float32)
    expected = np.triu(matrix) + np.triu(matrix, 1).T
    mirror_upper(matrix, block)
    np.testing.assert_array_equal(matrix, expected)


def test_it_reaches_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(EASE()) > 0.44
