"""GAN augmentation: what is added, how it enters, and when it is accepted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import planted

from recbench.contracts import FitContext, RecbenchError, Scorer
from recbench.data import Interactions
from recbench_plugins.defenses.training.gan_augmentation import GANAugmentation, extended
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.lightgcn import LightGCN
from recbench_plugins.recommenders.multivae import MultiVAE
from recbench_plugins.recommenders.sasrec import SASRec
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

CTX = FitContext(seed=0)
SMALL = BPRMF(dim=6, epochs=4, batch_size=64)
SHORT = GANAugmentation(steps=40, judge_every=20, hidden=16, batch=16)


@pytest.fixture(scope="module")
def train() -> Interactions:
    return planted()


def _scores(scorer: Scorer) -> torch.Tensor:
    return torch.as_tensor(scorer.score(np.arange(60)))


@pytest.mark.parametrize(("share", "cap"), [(0.1, 2.0), (1.0, 0.5), (1.0, 0.0)])
def test_users_get_their_share_of_new_items_and_no_item_more_than_its_cap(
    train: Interactions, share: float, cap: float
) -> None:
    users, items = replace(SHORT, share=share, cap=cap).additions(train, CTX)
    assert not train.contains(users, items).any()
    assert len(set(zip(users.tolist(), items.tolist(), strict=True))) == len(users)
    assert (np.bincount(users, minlength=60) <= np.ceil(share * train.user_counts)).all()
    assert (np.bincount(items, minlength=40) <= cap * train.item_counts).all()
    assert (len(users) > 0) == (cap > 0)


def test_the_cap_takes_nothing_where_it_is_not_reached(train: Interactions) -> None:
    users, _ = replace(SHORT, cap=1000.0).additions(train, CTX)
    assert (np.bincount(users, minlength=60) == np.ceil(0.1 * train.user_counts)).all()


def test_additions_lie_among_the_history_whose_order_stays(train: Interactions) -> None:
    users = np.repeat(np.arange(60), 3)
    free = np.argsort(train.csr.toarray(), axis=1, kind="stable")[:, :3].ravel()
    more = extended(train, users, free, seed=0)
    assert len(more) == len(train) + 180
    places = []
    for user in range(60):
        own = np.isin(more.histories[user], train.histories[user])
        assert (more.histories[user][own] == train.histories[user]).all()
        places += np.flatnonzero(~own).tolist()
    assert min(places) == 0
    assert max(places) >= 8
    assert np.array_equal(extended(train, users[:0], free[:0], seed=0).items, train.items)


def test_without_weight_it_is_plain_training_to_the_bit(train: Interactions) -> None:
    plain = _scores(SMALL.fit(train, CTX))
    assert torch.equal(_scores(replace(SHORT, weight=0.0).fit(SMALL, train, CTX).scorer), plain)
    assert not torch.equal(_scores(SHORT.fit(SMALL, train, CTX).scorer), plain)


@pytest.mark.parametrize("weight", [0.2, 1.0])
def test_an_addition_is_there_in_its_weights_share_of_the_epochs(
    train: Interactions, monkeypatch: pytest.MonkeyPatch, weight: float
) -> None:
    counts, original = [], BPRMF.problem
    added = len(SHORT.additions(train, CTX)[0])

    def counted(self: BPRMF, data: Interactions, *given: Any) -> Any:
        counts.append(len(data) - len(train))
        return original(self, data, *given)

    monkeypatch.setattr(BPRMF, "problem", counted)
    replace(SHORT, weight=weight).fit(replace(SMALL, epochs=40), train, CTX)
    given, *epochs = counts
    assert given == 0
    assert len(epochs) >= 40
    assert np.mean(epochs) == pytest.approx(weight * added, rel=0.1)


@pytest.mark.parametrize(
    "model",
    [SMALL, WMFSGD(dim=6, epochs=3), LightGCN(dim=6, epochs=3), MultiVAE(epochs=3), SASRec(dim=8, epochs=2)],
    ids=lambda it: type(it).__name__,
)
def test_it_trains_every_kind_of_differentiable_recommender(model: Any, train: Interactions) -> None:
    scores = _scores(replace(SHORT, weight=1.0).fit(model, train, CTX).scorer)
    assert scores.isfinite().all()
    assert not torch.allclose(scores, _scores(model.fit(train, CTX)))


def test_it_is_accepted_only_where_quality_rises_by_more_than_the_margin(train: Interactions) -> None:
    plain = _scores(SMALL.fit(train, CTX))

    def fitted(rise: float) -> torch.Tensor:
        def validate(scorer: Scorer) -> float:
            return 0.2 if torch.equal(_scores(scorer), plain) else 0.2 * (1 + rise)

        model = replace(SMALL, every=100)  # no early stopping: the plain model is what it is without validation
        return _scores(replace(SHORT, margin=0.01).fit(model, train, replace(CTX, validate=validate)).scorer)

    assert torch.equal(fitted(-0.1), plain)
    assert torch.equal(fitted(0.005), plain)
    assert not torch.equal(fitted(0.02), plain)


def test_ratings_are_refused() -> None:
    with pytest.raises(RecbenchError, match="implicit track"):
        SHORT.fit(SMALL, planted(explicit=True), CTX)
