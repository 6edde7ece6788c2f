"""Perturbations of a trained victim's tables: to the edge of the ball, uphill where the paper goes, and no further."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recbench.component import Goal
from recbench.conformance.arena import Task
from recbench.contracts import (
    AttackerView,
    Differentiable,
    FitContext,
    FittedProblem,
    ParameterAttacker,
    Tables,
    derive_seed,
)
from recbench.contracts.perturbation import Ball
from recbench.data import Interactions
from recbench_plugins.attackers.parameter.fgsm import ParameterFGSM
from recbench_plugins.attackers.parameter.noise import ParameterNoise
from recbench_plugins.attackers.parameter.pgd import ParameterPGD
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.simgcl import SimGCL

RADIUS = 0.3
TARGETS = np.array([3, 40], np.int32)


@pytest.fixture(scope="module")
def train() -> Interactions:
    return Task.plant(0).seen("implicit")


@pytest.fixture(scope="module")
def victim(train: Interactions) -> FittedProblem:
    model: Differentiable = BPRMF(dim=8, epochs=10, batch_size=256)
    scorer = model.fit(train, FitContext(0))
    assert isinstance(scorer, FittedProblem)
    return scorer


def attack(
    attacker: ParameterAttacker, victim: FittedProblem, train: Interactions, goal: Goal = "push", radius: float = RADIUS
) -> Tables:
    ball = Ball(np.zeros(0, np.int64), train.n_items, radius=radius)
    knowledge = frozenset({"interactions", "victim"})
    secrets = {"interactions": train, "victim": victim}
    view = AttackerView(TARGETS, ball, goal, "implicit", train.n_items, 7, knowledge, secrets=secrets)  # type: ignore[arg-type]
    moved = attacker.perturb(view, victim.problem, dict(victim.tables))
    ball.check(victim.problem.perturbable, victim.tables, moved)
    return moved


def standing(victim: FittedProblem, tables: Tables) -> float:
    """The mean log2 rank of the targets."""
    scores = torch.as_tensor(replace(victim, tables=tables).score(np.arange(victim.problem.n_users)))
    ranks = 1 + (scores[:, None, :] > scores[:, TARGETS, None]).sum(2)
    return float(ranks.double().log2().mean())


def training_loss(victim: FittedProblem, tables: Tables) -> float:
    return float(sum(victim.problem.losses(tables, batch).sum() for batch in victim.problem.batches(99, 0)))


@pytest.mark.parametrize("attacker", [ParameterFGSM(), ParameterPGD(steps=8), ParameterNoise()], ids=repr)
def test_rows_move_to_the_edge_of_their_ball_at_most_and_biases_stay(
    attacker: ParameterAttacker, victim: FittedProblem, train: Interactions
) -> None:
    moved = attack(attacker, victim, train)
    shares = (moved["users"] - victim.tables["users"]).norm(dim=1) / victim.tables["users"].norm(dim=1)
    assert shares.max() == pytest.approx(RADIUS, rel=1e-4)
    assert torch.equal(moved["bias"], victim.tables["bias"])


def test_a_push_raises_a_nuke_lowers_and_more_steps_do_more_than_noise(
    victim: FittedProblem, train: Interactions
) -> None:
    before = standing(victim, victim.tables)
    pushed = {type(a).__name__: standing(victim, attack(a, victim, train)) for a in (ParameterFGSM(), ParameterPGD())}
    assert pushed["ParameterPGD"] < pushed["ParameterFGSM"] < before - 0.3
    assert standing(victim, attack(ParameterPGD(), victim, train, "nuke")) > before + 0.1
    assert abs(standing(victim, attack(ParameterNoise(), victim, train)) - before) < 0.1


def test_degrading_raises_the_training_loss_the_more_the_larger_the_ball(
    victim: FittedProblem, train: Interactions
) -> None:
    losses = [
        training_loss(victim, attack(ParameterFGSM(), victim, train, "degrade", radius)) for radius in (0.0, 0.1, 0.3)
    ]
    assert losses[0] == pytest.approx(training_loss(victim, victim.tables))
    noise = training_loss(victim, attack(ParameterNoise(), victim, train, "degrade"))
    assert losses[0] < losses[1] < losses[2]
    assert losses[2] - losses[0] > 3 * (noise - losses[0])


def test_a_victim_whose_loss_reads_more_than_what_scores_is_degraded_too(train: Interactions) -> None:
    noisy = SimGCL(dim=8, epochs=4, batch_size=256).fit(train, FitContext(0))
    assert isinstance(noisy, FittedProblem)
    before, after = (training_loss(noisy, attack(ParameterFGSM(), noisy, train, "degrade", r)) for r in (0.0, 0.3))
    assert after > before


def test_one_small_step_follows_the_gradient_of_every_row(victim: FittedProblem, train: Interactions) -> None:
    """The first-order change of the loss is the radius times the gradient's length, row by row (APR, eq. 8)."""
    problem, tables = victim.problem, dict(victim.tables)
    moved = attack(ParameterFGSM(), victim, train, "degrade", radius=1e-3)
    users = tables["users"].clone().requires_grad_()
    batches = list(problem.batches(derive_seed(7, "batches"), 0))
    loss = torch.stack([problem.losses({**tables, "users": users}, batch).sum() for batch in batches]).sum()
    (gradient,) = torch.autograd.grad(loss, users)
    step = 1e-3 * tables["users"].norm(dim=1, keepdim=True) * torch.nn.functional.normalize(gradient)
    torch.testing.assert_close(moved["users"], tables["users"] + step)
