"""Vulnerability-aware adversarial training: shares of the perturbation, its special case, and its effect."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import planted
from scipy.stats import spearmanr

from recbench.contracts import FitContext, mean_loss
from recbench_plugins.defenses.training import adversarial_training, vat
from recbench_plugins.defenses.training.table_gradients import gradient
from recbench_plugins.defenses.training.vat import VAT, perturb, vulnerability
from recbench_plugins.recommenders.bpr_mf import BPRMF

CTX = FitContext(seed=0)


def _slopes(tables: Any, losses: torch.Tensor, shares: torch.Tensor) -> tuple[Any, Any]:
    return gradient(losses.mean(), tables, keep=True), gradient((shares * losses).mean(), tables)


def test_shares_fall_with_a_users_mean_loss_within_their_bounds() -> None:
    losses = torch.tensor([1.0, 3.0, 0.5, 6.0, 6.0])
    users = torch.tensor([7, 7, 2, 4, 4])  # means 2, .5 and 6; their mean is 8.5 / 3
    mean = torch.tensor([2.0, 2.0, 0.5, 6.0, 6.0])
    shares = vulnerability(losses, users, kappa=2.0)
    torch.testing.assert_close(shares, 2 * torch.sigmoid(8.5 / 3 / mean - 1))
    assert spearmanr(mean, shares).statistic == pytest.approx(-1)
    many = vulnerability(torch.rand(500, generator=torch.Generator().manual_seed(0)), torch.arange(500), 2.0)
    assert many.min() > 2 / (1 + np.e)
    assert many.max() <= 2


def test_equal_shares_are_the_perturbation_of_adversarial_training(one_step: Any) -> None:
    _, problem, params, batch = one_step
    tables = problem.encode(params)
    losses = problem.losses(tables, batch)
    slopes = gradient(losses.mean(), tables)
    ours = perturb(problem, tables, slopes, slopes, torch.ones_like(losses), 0.3)
    theirs = adversarial_training.perturb(problem, tables, slopes, 0.3)
    for name in tables:
        torch.testing.assert_close(ours[name], theirs[name])


def test_a_users_row_moves_by_its_share_and_an_items_row_within_the_range_of_shares(one_step: Any) -> None:
    _, problem, params, batch = one_step
    tables = problem.encode(params)
    losses = problem.losses(tables, batch)
    shares = vulnerability(losses, batch.users, 2.0)
    moved = perturb(problem, tables, *_slopes(tables, losses, shares), shares, 0.3)
    move = {name: (moved[name] - tables[name]).detach().norm(dim=1) for name in ("users", "items")}
    unit = {name: 0.3 * tables[name].detach().norm(dim=1).mean() for name in move}
    torch.testing.assert_close(move["users"][batch.users], unit["users"] * shares)
    items = move["items"][move["items"] > 0] / unit["items"]
    assert items.min() >= shares.min() - 1e-5
    assert items.max() <= shares.max() + 1e-5


def test_the_step_adds_the_weighted_adversarial_loss(one_step: Any) -> None:
    _, problem, params, batch = one_step
    plain = VAT().step(problem, params, batch, 0.0)
    torch.testing.assert_close(plain, mean_loss(problem, params, batch))
    half, full = (VAT().step(problem, params, batch, weight) for weight in (0.5, 1.0))
    torch.testing.assert_close(full - plain, 2 * (half - plain))
    adversarial = full - plain
    assert adversarial > problem.losses(problem.encode(params), batch).mean()


def test_the_gradient_of_the_step_is_that_of_the_two_losses_at_a_constant_move(one_step: Any) -> None:
    _, problem, params, batch = one_step
    wanted = list(params.values())
    tables = problem.encode(params)
    losses = problem.losses(tables, batch)
    shares = vulnerability(losses, batch.users, 2.0)
    moved = perturb(problem, tables, *_slopes(tables, losses, shares), shares, 0.3)
    # The slopes took the graph with them.
    whole = (
        mean_loss(problem, params, batch)
        + 0.5
        * problem.losses(
            {name: problem.encode(params)[name] + (moved[name] - tables[name]).detach() for name in tables}, batch
        ).mean()
    )
    expected = torch.autograd.grad(whole, wanted)
    found = torch.autograd.grad(VAT().step(problem, params, batch, 0.5), wanted)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_training_is_plain_until_it_is_warm(one_step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, problem, *_ = one_step
    steps = []
    monkeypatch.setattr(vat, "perturb", lambda *given: (steps.append(1), perturb(*given))[1])
    VAT(warmup=5).fit(model, planted(), CTX)
    assert len(steps) == (problem.epochs - 5) * len(list(problem.batches(0, 0)))


def test_it_costs_little_quality_on_clean_data(
    ndcg_on_movielens: Callable[[Any], float], protected: Callable[..., Any]
) -> None:
    assert ndcg_on_movielens(protected(VAT())) > 0.95 * ndcg_on_movielens(protected(None))


def test_early_stopping_chooses_no_epoch_of_the_warmup() -> None:
    qualities = iter(np.linspace(1, 0, 100))  # plain training only gets worse
    train, model = planted(), BPRMF(dim=6, epochs=10, every=1, patience=3, batch_size=64)
    context = FitContext(seed=0, validate=lambda _: next(qualities))
    fitted, expected = (
        VAT(warmup=5).fit(model, train, context),
        VAT(warmup=5).fit(replace(model, epochs=6), train, CTX),
    )
    scores = [torch.as_tensor(it.scorer.score(np.arange(60))) for it in (fitted, expected)]
    assert torch.equal(*scores)
