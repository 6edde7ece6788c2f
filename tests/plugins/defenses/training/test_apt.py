"""Adversarial poisoning training: whom it adds, when, and that they lower the risk."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import planted

from recbench.contracts import Differentiable, FitContext, RelaxedProfiles, derive_seed, optimize
from recbench_plugins.defenses.training.apt import APT, Rebound
from recbench_plugins.recommenders.biased_mf import BiasedMF
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.item_autoencoder import ItemAutoencoder
from recbench_plugins.recommenders.lightgcn import LightGCN
from recbench_plugins.recommenders.multivae import MultiVAE
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

CTX = FitContext(seed=0)
MODELS = [
    BPRMF(dim=6, epochs=8, batch_size=64),
    WMFSGD(dim=6, epochs=8),
    LightGCN(dim=6, epochs=8, batch_size=64),
    ItemAutoencoder(epochs=8),
    MultiVAE(epochs=8),
    BiasedMF(dim=2, epochs=8),
]


def test_erm_users_hold_distinct_items_of_negative_slope_and_the_steepest_most() -> None:
    train = planted()
    slopes = np.linspace(1, -1, train.n_items)
    users = APT(length=1.0, temperature=5.0).erm_users(train, slopes, 200, seed=0)
    assert users is not None
    held = np.bincount(users.items, minlength=train.n_items)
    assert (held[slopes >= 0] == 0).all()
    assert held[-5:].sum() > 3 * held[slopes < 0][:5].sum()
    size = round(train.user_counts.mean())
    assert all(len(set(users.histories[k])) == len(users.histories[k]) == size for k in range(200))


def test_nobody_is_added_where_no_item_lowers_the_risk() -> None:
    assert APT().erm_users(planted(), np.ones(40), 3, seed=0) is None


def test_ratings_are_drawn_around_the_items_mean_and_lie_on_the_scale() -> None:
    train = planted(explicit=True)
    assert train.ratings is not None
    low, high = (APT(length=1.0, lift=lift).erm_users(train, -np.ones(40), 300, seed=0) for lift in (0.0, 1.0))
    assert low is not None
    assert high is not None
    assert low.ratings is not None
    assert high.ratings is not None
    assert set(low.ratings) <= set(train.ratings)
    liked = int(np.argmax(train.item_counts))
    mean = train.ratings[train.items == liked].mean()
    assert low.ratings[low.items == liked].mean() == pytest.approx(mean, abs=0.4)
    assert high.ratings.mean() > low.ratings.mean() + 0.3


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_it_trains_every_differentiable_recommender_on_its_track(model: Differentiable) -> None:
    train = planted(explicit=isinstance(model, BiasedMF))
    plain = torch.as_tensor(model.fit(train, CTX).score(np.arange(60)))
    scores = torch.as_tensor(APT(warmup=2, every=3).fit(model, train, CTX).scorer.score(np.arange(60)))
    assert scores.shape == (60, 40)
    assert scores.isfinite().all()
    assert not torch.allclose(scores, plain)


def test_users_enter_after_the_warmup_and_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    original = APT.erm_users

    def counted(self: APT, train: Any, slopes: Any, n_users: int, seed: int) -> Any:
        made.append(seed)
        return original(self, train, slopes, n_users, seed)

    monkeypatch.setattr(APT, "erm_users", counted)
    APT(warmup=3, every=2).fit(MODELS[0], planted(), CTX)
    assert len(set(made)) == 3  # after epochs 3, 5 and 7 of 8


def test_before_they_enter_the_training_is_the_plain_one() -> None:
    model, train = WMFSGD(dim=6, epochs=4), planted()
    plain = torch.as_tensor(model.fit(train, CTX).score(np.arange(60)))
    scores = torch.as_tensor(APT(warmup=4).fit(model, train, CTX).scorer.score(np.arange(60)))
    torch.testing.assert_close(scores, plain, rtol=0.05, atol=0.02)


def test_erm_users_lower_the_risk_more_than_users_of_random_items() -> None:
    """The control of the paper's ablation: as many users with as many items, from the same start."""
    train, apt = planted(), APT(length=1.0, share=0.3)
    model = WMFSGD(dim=6, epochs=30)
    start = optimize(model.problem(train, CTX, _absent(train, 18)), CTX)
    slopes = apt.influence(model, train, CTX, start, seed=1)

    def risk(slopes: Any) -> float:
        users = apt.erm_users(train, slopes, 18, seed=derive_seed(1, "users"))
        assert users is not None
        problem = model.problem(train, CTX, RelaxedProfiles.of(users, train.n_items))
        tables = problem.encode(optimize(problem, CTX, start=start))
        (batch,) = problem.batches(0, 0)
        return float(problem.losses(tables, batch)[: train.n_users].mean())

    random = [risk(-np.random.default_rng(k).random(train.n_items)) for k in range(5)]
    assert risk(slopes) < min(random)


def _absent(train: Any, m: int) -> RelaxedProfiles:
    return RelaxedProfiles(torch.arange(m + 1), torch.zeros(m, dtype=torch.int64), torch.zeros(m), train.n_items)


def test_it_costs_little_quality_on_clean_data(
    ndcg_on_movielens: Callable[[Any], float], protected: Callable[..., Any]
) -> None:
    assert ndcg_on_movielens(protected(APT(warmup=5))) > 0.92 * ndcg_on_movielens(protected(None))


def test_typical_users_are_those_with_the_least_data_and_not_those_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    train = planted()
    left = train.select(train.users >= 20)  # as a detector leaves it: the first twenty have lost their rows
    seen: list[int] = []

    def owners(table: Any, shape: Any, owners: Any) -> Any:
        seen.extend(owners[60:].tolist())
        return table.index_select(0, owners) if table.shape[0] == 60 else table

    monkeypatch.setattr("recbench_plugins.defenses.training.apt._extended", owners)
    model = BPRMF(dim=4, epochs=1, batch_size=64)
    APT(references=5).influence(model, left, CTX, optimize(model.problem(left, CTX, _absent(left, 1)), CTX), seed=0)
    assert len(set(seen)) == 5
    assert min(seen) >= 20
    assert max(left.user_counts[seen]) <= np.sort(left.user_counts[left.user_counts > 0])[4]


def test_what_is_validated_and_shipped_is_what_the_steps_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Any] = []
    finished: list[Any] = []
    batches, finish = Rebound.batches, Rebound.finish

    def noted(self: Rebound, seed: int, epoch: int) -> Any:
        drawn = batches(self, seed, epoch)
        trained.append(self.bound)
        return drawn

    def shipped(self: Rebound, params: Any) -> Any:
        finished.append((len(trained), self.bound))
        return finish(self, params)

    monkeypatch.setattr(Rebound, "batches", noted)
    monkeypatch.setattr(Rebound, "finish", shipped)
    model = LightGCN(dim=4, epochs=8, batch_size=64, every=2)
    APT(warmup=2, every=2).fit(model, planted(), FitContext(seed=0, validate=lambda scorer: 0.0))
    assert len(set(map(id, trained))) > 2
    assert finished
    assert all(bound is trained[epoch - 1] for epoch, bound in finished)
