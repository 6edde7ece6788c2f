"""Item-kNN against a dense reference, and on real data."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from recbench.contracts import FitContext, Recommender
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders import item_knn
from recbench_plugins.recommenders.item_knn import ItemKNN

EVERYONE = np.arange(50)


def similarities(data: Interactions, shrink: float, unit_users: bool) -> np.ndarray:
    """Cosines of every pair of items, an item with itself 0: one pair at a time."""
    x = data.csr.toarray().astype(float)
    if unit_users:
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
    cosine = np.zeros((data.n_items, data.n_items))
    for i in range(data.n_items):
        for j in range(data.n_items):
            product = x[:, i] @ x[:, j]
            if i != j and product > 0:
                cosine[i, j] = product / (np.linalg.norm(x[:, i]) * np.linalg.norm(x[:, j]) + shrink)
    return cosine


@pytest.mark.parametrize("unit_users", [True, False])
@pytest.mark.parametrize("shrink", [0.0, 3.0])
def test_with_every_neighbour_the_scores_are_sums_of_shrunk_cosines(
    small: Interactions, shrink: float, unit_users: bool
) -> None:
    scores = ItemKNN(k=20, shrink=shrink, unit_users=unit_users).fit(small, FitContext(seed=0)).score(EVERYONE)
    assert scores.dtype == np.float32
    expected = small.csr.toarray() @ similarities(small, shrink, unit_users)
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cells", [1, 2**23])
def test_each_item_listens_to_its_k_nearest_items(
    small: Interactions, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_knn, "CELLS", cells)
    weights = ItemKNN(k=4).fit(small, FitContext(seed=0)).weights.toarray()
    cosine = similarities(small, 0.0, True)
    np.testing.assert_allclose(weights[weights > 0], cosine[weights > 0], rtol=1e-5)
    nearest = -np.sort(-cosine, axis=0)[:4]
    np.testing.assert_allclose(-np.sort(-weights, axis=0)[:4], nearest, rtol=1e-5)
    assert ((weights > 0).sum(axis=0) == (nearest > 0).sum(axis=0)).all()


def test_an_empty_history_and_an_unseen_item_score_zero_without_a_warning(small: Interactions) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = ItemKNN().fit(small, FitContext(seed=0)).score(EVERYONE)
    assert np.isfinite(scores).all()
    assert not scores[49].any()
    assert not scores[:, 19].any()


def test_ratings_are_not_read(small: Interactions) -> None:
    explicit, implicit = (ItemKNN(k=5).fit(data, FitContext(seed=0)) for data in (small, binarize(small)))
    np.testing.assert_array_equal(explicit.score(EVERYONE), implicit.score(EVERYONE))


def test_it_beats_the_published_item_knn_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(ItemKNN()) > 0.40
    assert ndcg_on_movielens(ItemKNN(unit_users=False)) > 0.385
