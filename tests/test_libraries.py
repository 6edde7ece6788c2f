"""Models of other libraries by name: of a double, and of each library where it is installed."""

import sys
from types import ModuleType

import numpy as np
import pytest

from recbench import libraries
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions
from recbench.errors import PluginError
from recbench.libraries import from_library, is_library
from recbench.local import from_path
from recbench.plugins import Plugins
from recbench.specs import build, expand, resolved_params

TRAIN = Interactions(np.repeat(np.arange(30), 4), (np.arange(120) * 7) % 20, 30, 20)


class CountingRecommender:
    """The most popular items."""

    __module__ = "stock.counting"

    def __init__(self, shrink=1.0, dtype=np.float32):
        self.shrink = shrink

    def fit(self, matrix):
        self.counts = np.asarray(matrix.sum(axis=0)).ravel() / self.shrink

    def score(self, users):
        return np.tile(self.counts, (len(users), 1))


class CosineRecommender(CountingRecommender):
    __module__ = "stock.neighbours"


class TFIDFRecommender(CountingRecommender):
    __module__ = "stock.neighbours"


class Helper:
    __module__ = "stock.neighbours"


@pytest.fixture
def stock(monkeypatch):
    """A library whose base class is imported into another of its modules, as implicit's is."""
    contents = {
        "stock": (),
        "stock.counting": (CountingRecommender,),
        "stock.neighbours": (CountingRecommender, CosineRecommender, TFIDFRecommender, Helper),
    }
    for name, members in contents.items():
        module = ModuleType(name)
        vars(module).update({member.__name__: member for member in members})
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(libraries, "MODULES", {"stock": ("stock.counting", "stock.absent", "stock.neighbours")})
    monkeypatch.setattr(libraries, "version", lambda name: f"7.1 of {name}")


@pytest.mark.parametrize(
    ("reference", "library"),
    [
        ("implicit:als", True),
        ("lenskit:x", True),
        ("mine.py:M", False),
        ("C:\\mine.py:M", False),
        ("implicit-als", False),
    ],
)
def test_models_of_libraries_are_told_from_paths_and_names(reference, library):
    assert is_library(reference) == library


@pytest.mark.parametrize(
    ("reference", "name", "factory"),
    [
        ("stock:counting", "stock.counting", "stock.counting:CountingRecommender"),
        ("stock:CountingRecommender", "stock.counting", "stock.counting:CountingRecommender"),
        ("stock:cosine", "stock.cosine", "stock.neighbours:CosineRecommender"),
        ("stock:tf-idf", "stock.tfidf", "stock.neighbours:TFIDFRecommender"),
    ],
)
def test_a_model_is_called_as_its_class_or_as_the_module_that_holds_no_other(stock, reference, name, factory):
    component = from_library("recommender", reference)
    assert (component.name, component.factory, component.version) == (name, factory, "7.1 of stock")


def test_a_model_takes_the_parameters_of_its_class_and_becomes_a_victim(stock):
    ((component, params),) = expand(Plugins(()), "recommender", "stock:cosine[shrink=2.0]")
    assert resolved_params(component, params) == {"shrink": 2.0}
    assert resolved_params(component, {}) == {"shrink": 1.0}
    scores = build(component, params).fit(TRAIN, FitContext(0)).score(np.arange(30))
    assert (scores == TRAIN.item_counts / 2).all()
    with pytest.raises(PluginError, match="no parameter 'shrinks'; did you mean 'shrink'"):
        build(component, {"shrinks": 2.0})


def test_what_is_not_there_is_refused_with_the_next_step(stock):
    with pytest.raises(PluginError, match="stock has no such model; did you mean 'cosine'"):
        from_library("recommender", "stock:cosin")
    with pytest.raises(PluginError, match="stock has no such model"):
        from_library("recommender", "stock:helper")
    with pytest.raises(PluginError, match="the models of stock are recommenders"):
        from_library("attacker", "stock:cosine")


def test_a_library_that_is_not_installed_names_the_extra_that_installs_it(monkeypatch):
    monkeypatch.setattr(libraries, "MODULES", {"implicitly": ("implicitly.als",)})
    with pytest.raises(PluginError, match=r"implicitly is not installed; pip install 'recbench\[implicitly\]'"):
        from_library("recommender", "implicitly:als")


def test_a_library_whose_models_miss_a_package_names_it(stock, monkeypatch):
    """RecBole does, where it was installed without what it depends on."""
    monkeypatch.setattr(libraries, "MODULES", {"stock": ("absent",)})
    with pytest.raises(PluginError, match=r"stock lacks a package: No module named 'absent'; pip install 'recbench"):
        from_library("recommender", "stock:cosine")


def test_another_word_before_a_colon_is_told_which_libraries_there_are():
    known = "implicit, cornac, lenskit, recbole"
    with pytest.raises(PluginError, match=rf"expected FILE\.py:CLASS or LIBRARY:MODEL of {known}"):
        from_path("recommender", "surprise:svd")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "reference",
    [
        "implicit:als[factors=4,iterations=3]",
        "implicit:bpr[factors=4,iterations=3]",
        "implicit:lmf[factors=4,iterations=3]",
        "implicit:bm25[K1=1.5]",
        "cornac:bpr[k=4,max_iter=3]",
        "cornac:ease[verbose=false]",
        "lenskit:item-knn[max_nbrs=5,feedback=implicit]",
        "lenskit:implicit-mf[embedding_size=4,epochs=3]",
        "lenskit:ease",
        "recbole:bpr[embedding_size=4,epochs=3]",
        "recbole:LightGCN[embedding_size=4,epochs=3]",
        "recbole:sasrec[hidden_size=4,epochs=3]",
    ],
)
def test_models_of_the_installed_library_train_and_repeat(reference):
    pytest.importorskip(reference.partition(":")[0])
    ((component, params),) = expand(Plugins(()), "recommender", reference)
    recommender = build(component, params)
    assert isinstance(recommender, Recommender)
    once, again = (np.asarray(recommender.fit(TRAIN, FitContext(3)).score(np.arange(30))) for _ in range(2))
    assert once.shape == (30, 20)
    assert np.isfinite(once).all()
    assert np.ptp(once) > 0
    assert (once == again).all()
