"""implicit, by a double with its signatures, and itself where it is installed."""

import numpy as np
import pytest

from recbench.adapters import adapt
from recbench.adapters.implicit_models import Implicit
from recbench.adapters.seeding import library_seed
from recbench.contracts import FitContext

CONTEXT = FitContext(seed=3)
SEED = library_seed(CONTEXT)
USERS = np.arange(50)


class Factorizes:
    def __init__(self, random_state=None):
        self.random_state = random_state
        self.num_threads = 0
        self.user_factors = self.item_factors = None

    def fit(self, user_items, show_progress=True, callback=None):
        assert self.num_threads == 1
        assert not show_progress
        if self.item_factors is None:
            self.user_factors = np.random.default_rng(self.random_state).random((user_items.shape[0], 2))
            self.item_factors = np.zeros((user_items.shape[1], 2))
        self.item_factors += user_items.T @ self.user_factors


class MatrixFactorizationBase(Factorizes):
    __module__ = "implicit.cpu.matrix_factorization_base"


class Neighbours:
    __module__ = "implicit.nearest_neighbours"
    num_threads = 0

    def fit(self, weighted, show_progress=True, callback=None):
        self.popularity = np.asarray(weighted.sum(axis=0)).ravel()

    def recommend(self, userid, user_items, N=10, filter_already_liked_items=True, filter_items=None):
        assert not filter_already_liked_items
        assert (user_items.shape, N) == ((len(userid), 40), 40)
        lists = np.tile(np.argsort(-self.popularity), (len(userid), 1))
        scores = self.popularity[lists]
        lists[:, 30:], scores[:, 30:] = -1, -np.finfo(np.float32).max
        return lists, scores


def test_factors_are_multiplied_on_one_thread_with_the_seed_of_the_fit(interactions):
    train = interactions["explicit"]
    fitted = adapt(MatrixFactorizationBase()).fit(train, CONTEXT)
    factors = np.random.default_rng(SEED).random((50, 2))
    assert np.allclose(fitted.score(USERS[:4]), factors[:4] @ (train.ratings_csr.T @ factors).T)
    kept = adapt(MatrixFactorizationBase(random_state=7)).fit(train, CONTEXT).score(USERS)
    factors = np.random.default_rng(7).random((50, 2))
    assert np.allclose(kept, factors @ (train.ratings_csr.T @ factors).T)


def test_factors_that_an_object_holds_are_not_trained_on(interactions):
    model = MatrixFactorizationBase(random_state=1)
    fresh = adapt(model).fit(interactions["implicit"], CONTEXT).score(USERS)
    model.num_threads = 1
    model.fit(interactions["explicit"].ratings_csr, show_progress=False)
    assert (adapt(model).fit(interactions["implicit"], CONTEXT).score(USERS) == fresh).all()


def test_a_model_without_factors_is_asked_for_the_whole_catalogue_and_what_it_leaves_out_ties(interactions):
    train = interactions["implicit"]
    scores = adapt(Neighbours()).fit(train, CONTEXT).score(USERS[:2])
    best = np.argsort(-train.item_counts.astype(np.float32))[:30]
    assert (scores[0, best] == train.item_counts[best]).all()
    rest = np.delete(scores[0], best)
    assert len(set(rest)) == 1
    assert rest[0] < scores[0, best].min()
    assert np.isfinite(rest[0])


def models():
    """The models of the installed library, by name."""
    pytest.importorskip("implicit")
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.lmf import LogisticMatrixFactorization
    from implicit.nearest_neighbours import CosineRecommender

    return {
        "als": AlternatingLeastSquares(factors=64, iterations=15, regularization=20.0, alpha=2.0, use_gpu=False),
        "bpr": BayesianPersonalizedRanking(factors=8, iterations=3, use_gpu=False),
        "lmf": LogisticMatrixFactorization(factors=8, iterations=3),
        "cosine": CosineRecommender(K=10),
    }


@pytest.mark.parametrize("name", ["als", "bpr", "lmf", "cosine"])
def test_the_installed_library_ranks_as_its_own_recommend_and_repeats(interactions, name):
    model = models()[name]
    assert type(adapt(model)) is Implicit
    train = interactions["explicit"]
    scores, again = (adapt(model).fit(train, CONTEXT).score(USERS) for _ in range(2))
    assert (scores == again).all()
    assert getattr(model, "user_factors", None) is None

    if hasattr(model, "random_state"):
        model.random_state = SEED
    model.num_threads = 1
    matrix = train.ratings_csr
    matrix.sort_indices()
    model.fit(matrix, show_progress=False)
    items, own = model.recommend(USERS, matrix, N=40, filter_already_liked_items=False)
    listed = items >= 0
    rows = np.broadcast_to(USERS[:, None], items.shape)
    assert np.allclose(scores[rows[listed], items[listed]], own[listed], rtol=1e-4, atol=1e-5)
    assert (scores.argmax(axis=1)[listed[:, 0]] == items[:, 0][listed[:, 0]]).mean() > 0.95


def test_als_of_the_installed_library_ranks_movielens_as_it_is_known_to(ndcg_on_movielens):
    assert ndcg_on_movielens(adapt(models()["als"])) == pytest.approx(0.445, abs=0.01)
