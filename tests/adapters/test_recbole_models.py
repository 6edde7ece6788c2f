"""RecBole, where it is installed."""

import os
import random
import sys

import numpy as np
import pytest
import torch
from scipy.sparse import dok_matrix

from recbench.adapters import adapt
from recbench.adapters.factories import recommender_class
from recbench.adapters.recbole_models import RecBole, defaults
from recbench.contracts import FitContext
from recbench.data import Interactions
from recbench.errors import PluginError

pytest.importorskip("recbole")
from recbole.model import context_aware_recommender, general_recommender, sequential_recommender

from recbench.adapters.recbole_inputs import Settings, dataset, questions

CONTEXT = FitContext(seed=3)
USERS = np.arange(50)
QUICK = {"epochs": 2, "train_batch_size": 64}


def model(name):
    return getattr(general_recommender, name, None) or getattr(sequential_recommender, name)


def scores(recommender, train, ctx=CONTEXT):
    return np.asarray(recommender.fit(train, ctx).score(USERS))


@pytest.mark.parametrize(
    "name",
    ["ADMMSLIM", "BPR", "EASE", "FPMC", "GRU4Rec", "LightGCN", "MultiVAE", "NGCF", "NeuMF", "Pop", "Random", "SASRec"],
)
def test_models_of_the_library_score_and_repeat_and_leave_nothing_behind(interactions, name, tmp_path, monkeypatch):
    """Those that draw as they score, that answer for pairs alone, that SciPy took a method from, in order and not."""
    monkeypatch.chdir(tmp_path)
    drawn = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    recommender = RecBole(model(name), QUICK)
    first = scores(recommender, interactions["explicit"])
    assert first.shape == (50, 40)
    assert np.isfinite(first).all()
    assert np.ptp(first) > 0
    assert (first == scores(recommender, interactions["implicit"])).all()
    assert not list(tmp_path.iterdir())
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == devices
    assert not hasattr(np, "float")
    assert not hasattr(dok_matrix, "_update")
    assert random.getstate() == drawn[0]
    assert np.random.get_state()[1].tolist() == drawn[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), drawn[2])


def test_training_looks_for_no_anomalies_whatever_the_library_has_set(interactions, monkeypatch):
    looked = []
    loss = general_recommender.BPR.calculate_loss

    def watched(self, interaction):
        looked.append(torch.is_anomaly_enabled())
        return loss(self, interaction)

    monkeypatch.setattr(general_recommender.BPR, "calculate_loss", watched)
    with torch.autograd.set_detect_anomaly(True):
        RecBole(general_recommender.BPR, QUICK).fit(interactions["implicit"], CONTEXT)
        assert torch.is_anomaly_enabled()
    assert looked
    assert not any(looked)


def test_another_seed_is_another_fit(interactions):
    recommender = RecBole(general_recommender.BPR, QUICK)
    other = scores(recommender, interactions["implicit"], FitContext(seed=4))
    assert (scores(recommender, interactions["implicit"]) != other).any()


def test_ids_are_recbenchs_own_and_the_padding_item_is_gone(interactions):
    train = interactions["implicit"]
    gram = (train.csr.T @ train.csr).toarray() + 250.0 * np.eye(40)
    weights = np.linalg.inv(gram)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0)
    expected = train.csr.toarray() @ weights
    fitted = adapt(general_recommender.EASE).fit(train, CONTEXT)
    assert np.allclose(fitted.score(USERS[::-1]), expected[::-1], atol=1e-5)
    assert fitted.score(USERS[:0]).shape == (0, 40)


def test_histories_are_in_click_order_and_the_latest_count():
    train = Interactions([0, 0, 0, 2], [5, 1, 3, 4], 3, 6, timestamps=[10, 30, 20, 5])
    settings = Settings(sequential_recommender.SASRec, {"MAX_ITEM_LIST_LENGTH": 2})
    asked = questions(settings, train)
    assert asked["user_id"].tolist() == [1, 2, 3]
    assert asked["item_id_list"].tolist() == [[4, 2], [0, 0], [5, 0]]
    assert asked["item_length"].tolist() == [2, 1, 1]
    examples = dataset(settings, train).inter_feat
    assert examples["item_id_list"].tolist() == [[6, 0], [6, 4]]
    assert examples["item_id"].tolist() == [4, 2]


@pytest.mark.parametrize("name", ["BPR", "SASRec"])
def test_users_and_items_without_interactions_have_scores(name):
    train = Interactions(np.repeat(np.arange(1, 9), 3), np.arange(24) * 7 % 10 + 1, 10, 12)
    fitted = RecBole(model(name), QUICK).fit(train, CONTEXT).score(np.arange(10))
    assert fitted.shape == (10, 12)
    assert torch.isfinite(fitted).all()


@pytest.mark.parametrize("name", ["BPR", "LightGCN"])
def test_validation_stops_the_training_and_the_best_state_is_kept(interactions, name):
    """LightGCN also holds what it computed for its latest scores."""
    train, asked = interactions["implicit"], []

    def validate(scorer):
        asked.append(np.asarray(scorer.score(USERS)))
        return [0.1, 0.3, 0.2, 0.1, 0.0][len(asked) - 1]

    settings = {"train_batch_size": 64, "epochs": 50, "stopping_step": 1, "eval_step": 2}
    kept = scores(RecBole(model(name), settings), train, FitContext(seed=3, validate=validate))
    assert len(asked) == 4  # RecBole stops after one more than its stopping_step
    assert (kept == asked[1]).all()
    assert (kept != asked[3]).any()
    assert (kept == scores(RecBole(model(name), {**settings, "epochs": 4}), train)).all()


def test_the_command_line_is_not_read(interactions, monkeypatch):
    recommender = RecBole(general_recommender.BPR, QUICK)
    first = scores(recommender, interactions["implicit"])
    monkeypatch.setattr(sys, "argv", ["recbench", "--epochs=1", "--embedding_size=2"])
    assert (scores(recommender, interactions["implicit"]) == first).all()


def test_the_parameters_are_the_librarys_settings_of_the_model_and_of_its_training(interactions):
    found = defaults(general_recommender.LightGCN)
    assert {"embedding_size", "n_layers", "reg_weight", "epochs", "learning_rate"} <= set(found)
    assert (found["n_layers"], found["reg_weight"]) == (2, 1e-5)
    assert "MAX_ITEM_LIST_LENGTH" not in found
    assert defaults(sequential_recommender.SASRec)["MAX_ITEM_LIST_LENGTH"] == 50
    victim = recommender_class(general_recommender.BPR, "BPR")
    assert victim().epochs == 300
    train = interactions["implicit"]
    assert victim(embedding_size=8, **QUICK).fit(train, CONTEXT).model.user_embedding.weight.shape == (51, 8)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (context_aware_recommender.FM, "FM of RecBole is no general or sequential recommender"),
        (sequential_recommender.SASRecF, "SASRecF of RecBole reads a data set of its own kind"),
        (sequential_recommender.KSR, "KSR of RecBole reads a data set of its own kind"),
        (general_recommender.RaCT, "RaCT of RecBole is trained in several runs"),
    ],
)
def test_what_cannot_be_a_victim_is_refused_at_once(given, reason):
    with pytest.raises(PluginError, match=reason):
        adapt(given)


def test_an_object_of_the_library_is_refused_for_its_class(interactions):
    fitted = RecBole(general_recommender.EASE).fit(interactions["implicit"], CONTEXT)
    with pytest.raises(PluginError, match="EASE of RecBole holds the data that it was made for; hand over its class"):
        adapt(fitted.model)


def test_ease_of_the_library_ranks_movielens_as_it_is_known_to(ndcg_on_movielens):
    assert ndcg_on_movielens(adapt(general_recommender.EASE)) == pytest.approx(0.441, abs=0.005)


def test_bpr_of_the_library_ranks_movielens_as_it_is_known_to(ndcg_on_movielens):
    """After all of the 60 epochs of docs/adapters.md it is .395."""
    recommender = RecBole(general_recommender.BPR, {"epochs": 25, "learning_rate": 0.003})
    assert ndcg_on_movielens(recommender) == pytest.approx(0.384, abs=0.01)
