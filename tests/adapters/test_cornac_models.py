"""Cornac, by a double with its signatures, and itself where it is installed."""

import inspect
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from recbench.adapters import adapt
from recbench.adapters.cornac_models import Cornac
from recbench.adapters.seeding import library_seed
from recbench.contracts import FitContext
from recbench.errors import PluginError

CONTEXT = FitContext(seed=3)
SEED = library_seed(CONTEXT)
USERS = np.arange(50)


@pytest.fixture
def dataset(monkeypatch):
    """A `cornac.data.Dataset` that keeps what it is given."""
    package, data = ModuleType("cornac"), ModuleType("cornac.data")
    data.Dataset = SimpleNamespace
    monkeypatch.setitem(sys.modules, "cornac", package)
    monkeypatch.setitem(sys.modules, "cornac.data", data)


class Recommender:
    __module__ = "cornac.models.recommender"
    trainable = True

    @classmethod
    def _get_init_params(cls):
        return sorted(set(inspect.signature(cls.__init__).parameters) - {"self"})

    def clone(self, new_params=None):
        return type(self)(**{name: getattr(self, name) for name in self._get_init_params()} | (new_params or {}))


class Factors(Recommender):
    """As in Cornac, the generator is made with the object, and factors that are there are trained further."""

    def __init__(self, k=2, seed=None, num_threads=0, trainable=True):
        self.k, self.seed, self.num_threads, self.trainable = k, seed, num_threads, trainable
        self.rng = np.random.default_rng(seed)
        self.factors = None

    def fit(self, train_set, val_set=None):
        self.train_set = train_set
        if self.factors is None:
            self.factors = self.rng.random((train_set.num_users, train_set.num_items))
        self.factors = self.factors + 1.0
        return self

    def score(self, user_idx, item_idx=None):
        assert isinstance(user_idx, int)
        return self.factors[user_idx]


def test_a_fit_starts_from_a_new_object_with_the_seed_of_the_fit(dataset, interactions):
    model = Factors()
    model.fit(SimpleNamespace(num_users=50, num_items=40))
    for given, seed in ((model, SEED), (Factors(seed=7), 7)):
        expected = np.random.default_rng(seed).random((50, 40)) + 1.0
        for _ in range(2):
            fitted = adapt(given).fit(interactions["implicit"], CONTEXT)
            assert (fitted.score(USERS) == expected).all()
            assert fitted.score(USERS[:0]).shape == (0, 40)
            assert fitted.model.num_threads == 1


@pytest.mark.parametrize("track", ["implicit", "explicit"])
def test_its_data_set_is_that_of_the_fit_in_the_same_ids(dataset, interactions, track):
    train = interactions[track]
    data = adapt(Factors()).fit(train, CONTEXT).model.train_set
    users, items, ratings = data.uir_tuple
    assert (data.num_users, data.num_items) == (50, 40)
    assert all(data.uid_map[id] == id for id in range(50))
    assert (users == train.users).all()
    assert (items == train.items).all()
    assert (ratings == (1.0 if train.ratings is None else train.ratings)).all()
    assert (data.timestamps == train.timestamps).all()


class Counts(Factors):
    """As Cornac's MostPop: its scores are whole numbers."""

    def score(self, user_idx, item_idx=None):
        return np.arange(self.train_set.num_items) + 2**40


def test_scores_that_are_whole_numbers_become_floats_that_keep_them_apart(dataset, interactions):
    scores = adapt(Counts()).fit(interactions["implicit"], CONTEXT).score(USERS)
    assert scores.dtype == np.float64
    assert (np.diff(scores, axis=1) == 1).all()


class NextItemRecommender(Factors):
    __module__ = "cornac.models.recommender"


class Forgetful(Factors):
    def __init__(self, depth=1):
        super().__init__()


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (NextItemRecommender(), "is a NextItemRecommender; a victim scores all items"),
        (Factors(trainable=False), "is not trainable, so no attack can reach it"),
        (Forgetful(), "Forgetful of Cornac keeps no attribute 'depth'"),
    ],
)
def test_what_cannot_be_a_victim_is_refused_at_once(model, reason):
    with pytest.raises(PluginError, match=reason):
        adapt(model)


def models():
    """Models of the installed library that need nothing but interactions, by name."""
    pytest.importorskip("cornac")
    from cornac.models import BPR, EASE, MF, NMF, VAECF, ItemKNN, MostPop, UserKNN

    return {
        "bpr": BPR(k=8, max_iter=10),
        "ease": EASE(posB=False),
        "item-knn": ItemKNN(),
        "mf": MF(k=8, max_iter=5),
        "most-pop": MostPop(),
        "nmf": NMF(k=8, max_iter=5),
        "user-knn": UserKNN(),
        "vaecf": VAECF(k=4, n_epochs=2),
    }


@pytest.mark.parametrize("name", ["bpr", "ease", "item-knn", "mf", "most-pop", "nmf", "user-knn", "vaecf"])
def test_models_of_the_installed_library_score_and_repeat(interactions, name):
    model = models()[name]
    assert type(adapt(model)) is Cornac
    train = interactions["explicit"]
    scores, again = (adapt(model).fit(train, CONTEXT).score(USERS) for _ in range(2))
    assert scores.shape == (50, 40)
    assert np.isfinite(scores).all()
    assert (scores == again).all()


def test_bpr_of_the_installed_library_ranks_movielens_as_it_is_known_to(ndcg_on_movielens):
    models()
    from cornac.models import BPR

    assert ndcg_on_movielens(adapt(BPR(k=64, max_iter=150, learning_rate=0.01))) == pytest.approx(0.404, abs=0.01)
