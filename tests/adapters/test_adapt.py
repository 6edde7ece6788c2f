import numpy as np
import pytest
import scipy.sparse as sp

from recbench.adapters import adapt
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions
from recbench.errors import InvalidScores, PluginError

from .doubles import Counts, Lister

CONTEXT = FitContext(seed=3)
USERS = np.array([4, 0])


@pytest.mark.parametrize("track", ["implicit", "explicit"])
def test_an_object_that_scores_is_fitted_to_the_matrix_of_the_track(interactions, track):
    train = interactions[track]
    expected = np.asarray((train.csr if train.ratings is None else train.ratings_csr).sum(axis=0)).ravel()
    scores = adapt(Counts()).fit(train, CONTEXT).score(USERS)
    assert scores.shape == (2, train.n_items)
    assert np.allclose(scores, expected)


def test_fitting_twice_starts_twice_and_leaves_the_object_alone(interactions):
    model = Counts()
    first, second = (adapt(model).fit(interactions["implicit"], CONTEXT).score(USERS) for _ in range(2))
    assert (first == second).all()
    assert model.fits == 0


def test_a_seed_that_is_unset_is_that_of_the_fit_and_one_that_is_set_is_kept(interactions):
    def seen(model, seed):
        return adapt(model).fit(interactions["implicit"], FitContext(seed=seed)).model.random_state

    assert seen(Counts(), 1) == seen(Counts(), 1) != seen(Counts(), 2)
    assert seen(Counts(random_state=7), 1) == 7


@pytest.mark.parametrize("with_scores", [False, True])
def test_lists_stand_above_what_they_leave_out_and_the_rest_ties(interactions, with_scores):
    train = interactions["implicit"]
    scores = adapt(Lister(length=5, with_scores=with_scores)).fit(train, CONTEXT).score(USERS)
    best = np.argsort(-train.item_counts, kind="stable")[:5]
    for row in scores:
        listed = row[best]
        rest = np.delete(row, best)
        assert (np.diff(listed) <= 0).all()
        assert rest.max() < listed.min()
        assert len(set(rest)) == 1
    if with_scores:
        assert (scores[0, best] == train.item_counts[best]).all()


class AllAtOnce(Counts):
    score = None

    def recommend(self, users):
        return np.tile(np.argsort(-self.popularity, kind="stable"), (len(users), 1))


class Switched(AllAtOnce):
    def recommend(self, users, exclude_seen=True):
        assert exclude_seen is True
        return super().recommend(users)


def test_a_switch_is_not_taken_for_the_length_of_a_list(interactions):
    train = interactions["implicit"]
    given, expected = (adapt(model).fit(train, CONTEXT).score(USERS) for model in (Switched(), AllAtOnce()))
    assert (given == expected).all()


def test_recommend_may_take_users_alone(interactions):
    train = interactions["implicit"]
    scores = adapt(AllAtOnce()).fit(train, CONTEXT).score(USERS)
    assert (np.argsort(-scores[0]) == np.argsort(-train.item_counts, kind="stable")).all()


class LikeScikit(Lister):
    def fit(self, X, y=None):
        return super().fit(X)

    def score(self, X, y=None):
        raise AssertionError("the quality of a fit was taken for the scores of items")


class Sparse(Counts):
    def score(self, users):
        return sp.csr_matrix(super().score(users).astype(int))


def test_the_score_of_scikit_learn_is_not_taken_for_scores_of_items(interactions):
    assert adapt(LikeScikit()).fit(interactions["implicit"], CONTEXT).score(USERS).shape == (2, 40)


def test_sparse_whole_numbers_are_scores(interactions):
    train = interactions["implicit"]
    scores = adapt(Sparse()).fit(train, CONTEXT).score(USERS)
    assert (scores == train.item_counts).all()
    assert scores.dtype == np.float64


class SpeaksRecbench:
    def fit(self, train, ctx):
        return self

    def score(self, users): ...


class Native(Recommender):
    def fit(self, train, ctx): ...


@pytest.mark.parametrize("model", [SpeaksRecbench(), Native()])
def test_a_recommender_of_recbench_passes_through(model):
    assert adapt(model) is model


class NoFit:
    def score(self, users): ...


class Supervised(Counts):
    def fit(self, X, y): ...


class Pairs(Counts):
    def score(self, users, items): ...


class Quality(Counts):
    def score(self, X): ...


class FitOnly(Counts):
    score = None


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (NoFit(), r"^NoFit cannot be a victim: it has no fit; write fit\(matrix\)"),
        (Supervised(), r"it has fit\(X, y\); write"),
        (Pairs(), r"it has score\(users, items\); write"),
        (Quality(), r"it has score\(X\); write"),
        (FitOnly(), "it has neither score nor recommend; write"),
        (Counts, r"^Counts is a class; hand over an object of it: Counts\(…\)"),
    ],
)
def test_what_an_object_lacks_is_said_before_anything_runs(model, reason):
    with pytest.raises(PluginError, match=reason) as error:
        adapt(model)
    assert "\n" not in str(error.value)


def test_an_object_that_cannot_be_copied_is_refused(interactions):
    model = Counts()
    model.log = (line for line in "log")
    with pytest.raises(PluginError, match=r"cannot be copied .* hand over a function that returns a new one"):
        adapt(model).fit(interactions["implicit"], CONTEXT)


@pytest.mark.parametrize(
    ("lists", "reason"),
    [
        ([[1, 2], [3]], "lists of different lengths"),
        ([1, 2], "shape"),
        ([[0.5], [1.0]], "lists of float64"),
        ([[1, 40], [2, 3]], "listed item 40; item ids are 0 to 39"),
        ([[1, 2], [3, 3]], "listed item 3 twice"),
        (([[1, 2], [3, 4]], [[1.0], [2.0]]), "with scores of shape"),
        (([[1], [2]], [[np.nan], [0.0]]), "not finite"),
    ],
)
def test_lists_that_cannot_be_read_are_invalid(interactions, lists, reason):
    class Broken(Counts):
        score = None

        def recommend(self, users, k):
            return lists

    with pytest.raises(InvalidScores, match=f"recommend of Broken gave .*{reason}|recommend of Broken {reason}"):
        adapt(Broken()).fit(interactions["implicit"], CONTEXT).score(USERS)


def test_lists_are_filled_up_and_an_empty_one_ties_throughout(interactions):
    class Uneven(Counts):
        score = None

        def recommend(self, users, k):
            return np.array([[7, -1], [-1, -1]]), np.array([[1.5, -np.inf], [-np.inf, -np.inf]])

    one, none = adapt(Uneven()).fit(interactions["implicit"], CONTEXT).score(USERS)
    assert (one.argmax(), len(set(one)), len(set(none))) == (7, 2, 1)
    assert np.isfinite(one).all()


def test_interactions_are_never_shared_with_the_object(interactions):
    class Scribbler(Counts):
        def fit(self, matrix):
            super().fit(matrix)
            matrix.data[:] = 0
            matrix.indices[:] = 0

    train: Interactions = interactions["explicit"]
    before = train.digest
    adapt(Scribbler()).fit(train, CONTEXT)
    again = Interactions(train.users, train.items, train.n_users, train.n_items, train.ratings, train.timestamps)
    assert again.digest == before
