"""LensKit, by a double with its signatures, and itself where it is installed."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from recbench.adapters import adapt
from recbench.adapters.lenskit_pipelines import LensKit
from recbench.adapters.seeding import library_seed
from recbench.contracts import FitContext
from recbench.errors import PluginError

CONTEXT = FitContext(seed=3)
USERS = np.arange(50)


class ItemList:
    def __init__(self, source, scores=None):
        self._ids, self._scores = source, scores

    def ids(self):
        return self._ids

    def scores(self):
        return self._scores


class Scorer:
    """Counts items; those of odd ids it cannot score, and its lists come in reverse."""

    __module__ = "lenskit.basic.popularity"

    def train(self, data, options):
        self.data, self.options = data, options
        self.counts = np.bincount(data.table["item_id"], minlength=len(data.items)).astype(float)

    def __call__(self, query, items):
        assert isinstance(query, int)
        ids = items.ids()[::-1]
        return ItemList(ids, np.where(ids % 2, np.nan, self.counts[ids]))


class Pipeline:
    __module__ = "lenskit.pipeline._impl"

    def __init__(self, **components):
        self.components = components

    def node(self, node, *, missing="error"):
        return self.components.get(node)

    def clone(self):
        return Pipeline(**{name: type(component)() for name, component in self.components.items()})

    def train(self, data, options=None):
        self.components["scorer"].train(data, options)

    def run(self, node, /, **inputs):
        return self.components[node](**inputs)


def from_interactions_df(df, *, users=None, items=None):
    return SimpleNamespace(table=df, users=users, items=items)


@pytest.fixture
def lenskit(monkeypatch):
    contents = {
        "lenskit": {},
        "lenskit.data": {"ItemList": ItemList, "from_interactions_df": from_interactions_df},
        "lenskit.pipeline": {"topn_pipeline": lambda scorer: Pipeline(scorer=scorer)},
        "lenskit.training": {"TrainingOptions": SimpleNamespace},
    }
    for name, members in contents.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("model", [Scorer(), Pipeline(scorer=Scorer())], ids=["scorer", "pipeline"])
@pytest.mark.parametrize("track", ["implicit", "explicit"])
def test_a_clone_is_trained_and_what_it_cannot_score_ties_last(lenskit, interactions, model, track):
    train = interactions[track]
    fitted = adapt(model).fit(train, CONTEXT)
    scores = fitted.score(USERS[:3])
    assert fitted.score(USERS[:0]).shape == (0, 40)
    assert (scores[:, ::2] == train.item_counts[::2]).all()
    assert len(set(scores[:, 1::2].ravel())) == 1
    assert scores[0, 1] < train.item_counts[::2].min()

    scorer = fitted.pipeline.components["scorer"]
    assert (len(scorer.data.users), len(scorer.data.items)) == (50, 40)
    assert (scorer.data.table["timestamp"] == train.timestamps.astype("datetime64[s]")).all()
    assert ("rating" in scorer.data.table) == (track == "explicit")
    assert (scorer.options.rng, scorer.options.device) == (library_seed(CONTEXT), "cpu")
    assert not hasattr(getattr(model, "components", {"scorer": model})["scorer"], "data")


def test_a_pipeline_without_a_scorer_is_refused():
    with pytest.raises(PluginError, match="has no node called 'scorer'"):
        adapt(Pipeline(recommender=Scorer()))


def test_the_installed_library_ranks_as_its_own_recommend_and_repeats(interactions):
    lenskit = pytest.importorskip("lenskit")
    model = lenskit.topn_pipeline(lenskit.als.ImplicitMFScorer(embedding_size=4, epochs=3))
    assert type(adapt(model)) is LensKit
    train = interactions["implicit"]
    fitted = adapt(model).fit(train, CONTEXT)
    scores = fitted.score(USERS)
    assert (scores == adapt(model).fit(train, CONTEXT).score(USERS)).all()
    scores[train.csr.toarray() > 0] = -np.inf
    for user in USERS:
        assert (
            lenskit.recommend(fitted.pipeline, int(user), n=5).ids().tolist() == (-scores[user]).argsort()[:5].tolist()
        )
