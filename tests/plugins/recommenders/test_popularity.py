"""Popularity: one score for everyone."""

from collections.abc import Callable

import numpy as np

from recbench.contracts import FitContext, Recommender
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.popularity import Popularity


def test_everyone_gets_the_item_counts(small: Interactions) -> None:
    scores = Popularity().fit(small, FitContext(seed=0)).score(np.array([4, 49]))
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, [np.bincount(small.items, minlength=20)] * 2)


def test_masking_the_scores_leaves_the_model_alone(small: Interactions) -> None:
    scorer = Popularity().fit(small, FitContext(seed=0))
    scorer.score(np.array([0, 1]))[:] = -np.inf
    assert np.isfinite(scorer.score(np.array([0]))).all()


def test_it_is_the_floor_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert 0.19 < ndcg_on_movielens(Popularity()) < 0.23
