"""Adversarial training of any differentiable recommender, as nothing but another step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    FittedProblem,
    Params,
    Problem,
    Protected,
    Recommender,
    RobustTraining,
    Tables,
    mean_loss,
    optimize,
)
from recbench.data.interactions import Interactions

from .models import FAMILIES, Autoencoder, GraphConvolution, RecencyAttention
from .planted import planted

families = pytest.mark.parametrize("model", FAMILIES, ids=lambda model: type(model).__name__)


def perturbed(problem: Problem, tables: Tables, batch: Batch, eps: float) -> Tables:
    """The perturbable tables moved by `eps` a row, along the gradient of the batch's loss; a constant (APR, eq. 9)."""
    names = sorted(problem.perturbable)
    loss = problem.losses(tables, batch).mean()
    gradients = torch.autograd.grad(loss, [tables[name] for name in names], retain_graph=True)
    moves = [eps * torch.nn.functional.normalize(gradient) for gradient in gradients]
    return {**tables, **{name: tables[name] + move for name, move in zip(names, moves, strict=True)}}


def apr_step(problem: Problem, params: Params, batch: Batch, *, eps: float, weight: float) -> Tensor:
    """He, He, Du, Chua, "Adversarial personalized ranking for recommendation", SIGIR 2018, eq. 6."""
    tables = problem.encode(params)
    adversarial = problem.losses(perturbed(problem, tables, batch, eps), batch).mean()
    return problem.losses(tables, batch).mean() + weight * adversarial + problem.penalty(params, batch)


@dataclass(frozen=True)
class AdversarialTraining(RobustTraining):
    """Knows no recommender: it trains whatever problem it is handed, after plain training."""

    eps: float = 0.5
    weight: float = 1.0

    def step(self, problem: Problem, params: Params, batch: Batch) -> Tensor:
        return apr_step(problem, params, batch, eps=self.eps, weight=self.weight)

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        assert isinstance(recommender, Differentiable)
        problem = recommender.problem(train, ctx)
        plain = optimize(problem, ctx)
        return Protected(problem.finish(optimize(problem, ctx, self.step, start=plain)))


@families
def test_with_eps_zero_it_is_plain_training_of_a_heavier_loss(model: Differentiable) -> None:
    ctx = FitContext(2)
    problem = model.problem(planted(), ctx)

    def heavier(problem: Problem, params: Params, batch: Batch) -> Tensor:
        return (1 + 0.5) * problem.losses(problem.encode(params), batch).mean() + problem.penalty(params, batch)

    adversarial = optimize(problem, ctx, AdversarialTraining(eps=0.0, weight=0.5).step)
    plain = optimize(problem, ctx, heavier)
    for name in plain:
        torch.testing.assert_close(adversarial[name], plain[name], rtol=1e-4, atol=1e-4)


def _loss_in_the_ball(fitted: FittedProblem, batches: list[Batch], eps: float) -> float:
    """The training loss at a fresh perturbation of the fitted tables, mean over batches."""
    total = 0.0
    for batch in batches:
        tables = {name: table.clone().requires_grad_() for name, table in fitted.tables.items()}
        total += fitted.problem.losses(perturbed(fitted.problem, tables, batch, eps), batch).mean().item()
    return total / len(batches)


PAIRWISE = GraphConvolution(l2=0.02)


@pytest.mark.parametrize(
    "model",
    [replace(PAIRWISE, layers=0), PAIRWISE, Autoencoder(), RecencyAttention()],
    ids=["bpr-mf", "graph", "autoencoder", "sequence"],
)
def test_one_step_function_makes_every_family_less_sensitive_to_a_fresh_perturbation(model: Differentiable) -> None:
    model, eps = replace(model, epochs=40), 0.3
    data, ctx = planted(), FitContext(2)
    robust = AdversarialTraining(eps).fit(model, data, ctx).scorer
    # The twin trains as long on a loss as heavy.
    twin = AdversarialTraining(eps=0.0).fit(model, data, ctx).scorer
    assert isinstance(twin, FittedProblem)
    assert isinstance(robust, FittedProblem)
    fresh = list(twin.problem.batches(seed=77, epoch=0))
    assert _loss_in_the_ball(robust, fresh, eps) < 0.99 * _loss_in_the_ball(twin, fresh, eps)
    # The probe is a probe: it hurts, more with a wider ball.
    losses = [_loss_in_the_ball(twin, fresh, radius) for radius in (0.0, eps, 1.0)]
    assert losses == sorted(losses)


@families
def test_the_step_is_what_is_trained_and_moves_only_what_the_encoding_holds(model: Differentiable) -> None:
    ctx = FitContext(2)
    problem = replace(model, epochs=1).problem(planted(), ctx)
    assert problem.perturbable <= set(problem.encode(problem.init(0)))
    plain, adversarial = optimize(problem, ctx, mean_loss), optimize(problem, ctx, AdversarialTraining().step)
    assert any(not torch.equal(plain[name], adversarial[name]) for name in plain)
