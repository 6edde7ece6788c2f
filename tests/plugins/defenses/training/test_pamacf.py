"""Personalized adversarial training: shares by the length of embeddings, and the loss that they enter."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import planted
from scipy.stats import spearmanr

from recbench.contracts import FitContext, RecbenchError, mean_loss
from recbench_plugins.defenses.training import vat
from recbench_plugins.defenses.training.pamacf import PamaCF, magnitudes
from recbench_plugins.defenses.training.table_gradients import gradient
from recbench_plugins.defenses.training.vat import perturb
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.multivae import MultiVAE


def test_shares_rise_with_the_squared_length_and_do_not_heed_how_often_a_user_is_drawn() -> None:
    table = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0], [9.0, 9.0]])
    users = torch.tensor([0, 0, 0, 1, 2])  # squares 25, 1 and 4; their mean is 10
    shares = magnitudes(table, users, kappa=2.0)
    squares = torch.tensor([25.0, 25.0, 25.0, 1.0, 4.0])
    torch.testing.assert_close(shares, 2 * torch.sigmoid(squares / 10 - 1))
    assert spearmanr(squares, shares).statistic == pytest.approx(1)


def test_a_users_row_moves_by_its_share(one_step: Any) -> None:
    _, problem, params, batch = one_step
    tables = problem.encode(params)
    losses = problem.losses(tables, batch)
    shares = magnitudes(tables["users"], batch.users, 2.0)
    slopes = gradient(losses.mean(), tables, keep=True), gradient((shares * losses).mean(), tables)
    moved = perturb(problem, tables, *slopes, shares, 0.3)
    length = (moved["users"] - tables["users"]).detach().norm(dim=1)[batch.users]
    torch.testing.assert_close(length, 0.3 * tables["users"].detach().norm(dim=1).mean() * shares)


def test_the_step_adds_the_weighted_adversarial_loss(one_step: Any) -> None:
    _, problem, params, batch = one_step
    plain = PamaCF().step(problem, params, batch, 0.0)
    torch.testing.assert_close(plain, mean_loss(problem, params, batch))
    half, full = (PamaCF().step(problem, params, batch, weight) for weight in (0.5, 1.0))
    torch.testing.assert_close(full - plain, 2 * (half - plain))
    assert full - plain > problem.losses(problem.encode(params), batch).mean()


def test_training_is_plain_until_it_is_warm(one_step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, problem, *_ = one_step
    steps = []
    monkeypatch.setattr(vat, "perturb", lambda *given: (steps.append(1), perturb(*given))[1])
    PamaCF(warmup=5).fit(model, planted(), FitContext(seed=0))
    assert len(steps) == (problem.epochs - 5) * len(list(problem.batches(0, 0)))


def test_a_model_without_embeddings_of_users_is_refused_by_name() -> None:
    with pytest.raises(RecbenchError, match="MultiVAE has no table of users"):
        PamaCF().fit(MultiVAE(epochs=1), planted(), FitContext(seed=0))


def test_it_costs_little_quality_on_clean_data(
    ndcg_on_movielens: Callable[[Any], float], protected: Callable[..., Any]
) -> None:
    assert ndcg_on_movielens(protected(PamaCF())) > 0.95 * ndcg_on_movielens(protected(None))


def test_early_stopping_chooses_no_epoch_of_the_warmup() -> None:
    qualities = iter(np.linspace(1, 0, 100))  # plain training only gets worse
    train, model = planted(), BPRMF(dim=6, epochs=10, every=1, patience=3, batch_size=64)
    context = FitContext(seed=0, validate=lambda _: next(qualities))
    fitted, expected = (
        PamaCF(warmup=5).fit(model, train, context),
        PamaCF(warmup=5).fit(replace(model, epochs=6), train, FitContext(seed=0)),
    )
    scores = [torch.as_tensor(it.scorer.score(np.arange(60))) for it in (fitted, expected)]
    assert torch.equal(*scores)
