"""Influence functions, against dense linear algebra and finite differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from recbench.contracts import (
    FitContext,
    Params,
    Problem,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    mean_loss,
    optimize,
)
from recbench.data import Interactions
from recbench_plugins.defenses.training.influence import influences, inverse_hessian_product, risk_gradient
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

MODEL = WMFSGD(dim=2, alpha=2.0, lr=0.05, l2=1.0, scale=0.5, epochs=200)
CTX = FitContext(seed=0)


@pytest.fixture
def train() -> Interactions:
    """Eight users of six items, each with a run of three."""
    users = np.repeat(np.arange(8), 3)
    return Interactions(users, (users * 2 + np.tile(np.arange(3), 8)) % 6, 8, 6)


@pytest.fixture
def fitted(train: Interactions) -> tuple[Problem, Params]:
    problem = MODEL.problem(train, CTX)
    params = {name: value.double().requires_grad_() for name, value in optimize(problem, CTX).items()}
    return problem, params


def _flat(params: Params) -> Tensor:
    return torch.cat([value.ravel() for value in params.values()])


def _hessian(problem: Problem, params: Params) -> Tensor:
    (batch,) = problem.batches(0, 0)
    gradient = _flat(
        dict(enumerate(torch.autograd.grad(mean_loss(problem, params, batch), params.values(), create_graph=True)))  # type: ignore[arg-type]
    )
    rows = [
        torch.cat([part.ravel() for part in torch.autograd.grad(entry, params.values(), retain_graph=True)])
        for entry in gradient
    ]
    return torch.stack(rows)


def test_the_inverse_hessian_product_is_the_damped_one_of_dense_algebra(fitted: tuple[Problem, Params]) -> None:
    problem, params = fitted
    vector = {name: torch.randn_like(value) for name, value in params.items()}
    solved = _flat(inverse_hessian_product(problem, params, vector, steps=400, damping=0.1, seed=0))
    hessian = _hessian(problem, params)
    largest = torch.linalg.eigvalsh(hessian).abs().max()
    expected = torch.linalg.solve(hessian + 0.1 * largest * torch.eye(len(hessian)), _flat(vector))
    torch.testing.assert_close(solved / solved.norm(), (expected / expected.norm()).detach(), rtol=0.02, atol=0.02)


def test_one_step_takes_the_hessian_for_the_identity(fitted: tuple[Problem, Params]) -> None:
    problem, params = fitted
    vector = {name: torch.ones_like(value) for name, value in params.items()}
    solved = inverse_hessian_product(problem, params, vector, steps=1, damping=0.1, seed=0)
    assert all(torch.equal(solved[name], vector[name]) for name in vector)


def test_the_risk_is_the_mean_loss_without_penalty(fitted: tuple[Problem, Params]) -> None:
    problem, params = fitted
    (batch,) = problem.batches(0, 0)
    expected = torch.autograd.grad(problem.losses(problem.encode(params), batch).mean(), params["items"])[0]
    torch.testing.assert_close(risk_gradient(problem, params, 0)["items"], expected)


def test_an_influence_is_the_change_of_risk_when_the_click_grows_and_the_model_is_trained_anew(
    train: Interactions, fitted: tuple[Problem, Params]
) -> None:
    problem, params = fitted
    hessian = _hessian(problem, params).detach()
    risk = _flat(risk_gradient(problem, params, 0)).detach()
    sizes = [value.numel() for value in params.values()]
    parts = torch.linalg.solve(hessian, risk).split(sizes)
    solved = {name: part.reshape(params[name].shape) for name, part in zip(params, parts, strict=True)}

    probe = RelaxedProfiles.of(Profiles(np.array([0, 2]), np.array([1, 4])), 6)
    owner = 3

    def towards(weights: Tensor) -> Tensor:
        """How far the probe's loss pulls the trained parameters, to first order: -H⁻¹∇ℓ."""
        bound = MODEL.problem(train, CTX, replace(probe, weights=weights))
        extended = {**params, "users": torch.cat([params["users"], params["users"][[owner]]])}
        (batch,) = bound.batches(0, 0)
        loss = bound.losses(bound.encode(extended), batch)[-1]
        gradient = torch.cat([part.ravel() for part in torch.autograd.grad(loss, params.values())])
        return -torch.linalg.solve(hessian, gradient)

    varied = torch.full((2,), 0.5, dtype=torch.float64, requires_grad=True)
    bound = MODEL.problem(train, CTX, replace(probe, weights=varied))
    extended = {**params, "users": torch.cat([params["users"], params["users"][[owner]]])}
    slopes = influences(bound, params, extended, probe, varied, solved)
    for k in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[k] = 1e-4
        change = (towards(varied.detach() + step) - towards(varied.detach() - step)) @ risk / 2e-4
        assert slopes[k].item() == pytest.approx(change.item(), rel=1e-3)


def test_data_of_which_no_batch_can_be_made_is_an_error_and_no_endless_search() -> None:
    users = np.arange(6)
    alone = Interactions(users, np.zeros(6, np.int32), 6, 1)
    problem = BPRMF(dim=2).problem(alone, FitContext(seed=0))
    params = problem.init(0)
    with pytest.raises(RecbenchError, match="makes no batch of it"):
        inverse_hessian_product(problem, params, params, 3, 0.1, seed=0)
