"""An unrolled bilevel attack through the contracts: its gradient is exact, and what it learns is an attack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from recbench.contracts import (
    SGD,
    Adagrad,
    Adam,
    AttackerView,
    Differentiable,
    FitContext,
    Optimizer,
    PoisoningAttacker,
    Problem,
    Profiles,
    RelaxedProfiles,
    derive_seed,
    project,
    straight_through,
    torch_rng,
    unroll,
)

from .models import FAMILIES
from .planted import TARGET, budget, planted, random_profiles, rank_gain, view_of

families = pytest.mark.parametrize("model", FAMILIES, ids=lambda model: type(model).__name__)


def attack_loss(problem: Problem, params: dict[str, Tensor], n_genuine: int) -> Tensor:
    """-log softmax of the target's standardized score, mean over genuine users (Tang et al., RecSys 2020, eq. 4)."""
    scores = problem.scores(problem.encode(params), torch.arange(n_genuine))
    return -(scores / scores.std(1, keepdim=True)).log_softmax(1)[:, TARGET].mean()


@dataclass(frozen=True)
class UnrolledAttack(PoisoningAttacker):
    """Tang, Wen, Wang, "Revisiting adversarially learned injection attacks", RecSys 2020, Algorithm 1."""

    steps: int = 8
    lr: float = 0.3

    def craft(self, view: AttackerView) -> Profiles:
        surrogate = view.surrogate("family")
        shape = (view.budget.n_profiles, view.n_items)
        weights = torch.rand(shape, generator=torch_rng(view.seed, "start")).requires_grad_()
        outer = torch.optim.Adam([weights], lr=self.lr)
        for step in range(self.steps):
            hard = straight_through(RelaxedProfiles.dense(weights), view.budget, view.seed, always=view.targets)
            hard = hard.shuffled(view.seed)  # the click order of the projection, which a sequence surrogate reads
            # Inner seeds rotate: an attack tuned on one seed overfits it.
            ctx = view.context("inner", step)
            problem = surrogate.problem(view.observed, ctx, hard)
            outer.zero_grad()
            attack_loss(problem, unroll(problem, ctx.seed), view.observed.n_users).backward()
            outer.step()
        return project(RelaxedProfiles.dense(weights), view.budget, view.seed, always=view.targets)


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double_precision")
@families
@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.5), Adam(0.05)], ids=["sgd", "adam"])
def test_the_gradient_through_the_whole_training_equals_finite_differences(
    model: Differentiable, optimizer: Optimizer
) -> None:
    model = replace(model, optimizer=optimizer, epochs=6)
    train, ctx = planted(n_users=24), FitContext(3)
    support = RelaxedProfiles.of(random_profiles(budget(2, 6), 0), train.n_items)
    weights = 0.6 + 0.3 * torch.rand(12, generator=torch_rng(0, "weights"))

    def loss(at: Tensor) -> Tensor:
        problem = model.problem(train, ctx, replace(support, weights=at))
        return attack_loss(problem, unroll(problem, ctx.seed), train.n_users)

    (gradient,) = torch.autograd.grad(loss(weights.requires_grad_()), weights)
    steps = 1e-5 * torch.eye(12)
    differences = torch.stack([(loss(weights + h) - loss(weights - h)).detach() / 2e-5 for h in steps])
    assert differences.norm() > 1e-5
    assert (gradient - differences).norm() / differences.norm() < 1e-5


@pytest.mark.usefixtures("double_precision")
def test_unrolling_only_the_last_epochs_trains_the_same_and_approximates_the_gradient() -> None:
    model = replace(FAMILIES[0], optimizer=SGD(0.5), epochs=8)
    train, ctx = planted(n_users=24), FitContext(3)
    support = RelaxedProfiles.of(random_profiles(budget(2, 6), 0), train.n_items)
    gradients, finals = [], []
    for last in (None, 8, 2, 0):
        weights = torch.full((12,), 0.8).requires_grad_()
        problem = model.problem(train, ctx, replace(support, weights=weights))
        params = unroll(problem, ctx.seed, last)
        finals.append(params["items"].detach())
        loss = attack_loss(problem, params, train.n_users)
        gradients.append(torch.autograd.grad(loss, weights)[0] if last != 0 else None)
    assert all(torch.equal(final, finals[0]) for final in finals)
    assert torch.equal(gradients[0], gradients[1])
    assert not torch.allclose(gradients[0], gradients[2])
    assert torch.cosine_similarity(gradients[0], gradients[2], dim=0) > 0.5


@pytest.mark.usefixtures("double_precision")
@families
@pytest.mark.parametrize("last", [None, 3])
def test_checkpoints_give_the_same_parameters_and_the_same_gradient(model: Differentiable, last: int | None) -> None:
    train, ctx = planted(n_users=24), FitContext(3)
    support = RelaxedProfiles.of(random_profiles(budget(2, 6), 0), train.n_items)

    def found(optimizer: Optimizer, checkpointed: bool) -> tuple[dict[str, Tensor], Tensor]:
        chosen = torch.full((12,), 0.7).requires_grad_()
        weights = chosen**2  # the weights come of something, which has a graph of its own
        problem = replace(model, optimizer=optimizer, epochs=7).problem(train, ctx, replace(support, weights=weights))
        params = unroll(problem, ctx.seed, last, checkpoint=[weights] if checkpointed else None)
        loss = attack_loss(problem, params, train.n_users)
        return params, torch.autograd.grad(loss, chosen)[0]

    for optimizer in (SGD(0.1, momentum=0.5), Adagrad(0.1), Adam(0.05)):
        (plain, gradient), (kept, again) = found(optimizer, False), found(optimizer, True)
        assert all(torch.equal(plain[name], kept[name]) for name in plain)
        assert gradient.norm() > 1e-8
        torch.testing.assert_close(again, gradient, rtol=1e-9, atol=1e-14)


def test_memory_grows_with_the_steps_and_with_checkpoints_only_with_their_root() -> None:
    train, ctx = planted(n_users=24), FitContext(3)

    def held(epochs: int, checkpointed: bool) -> int:
        """Numbers that are held at most while the training is differentiated."""
        weights = torch.full((12,), 0.8).requires_grad_()
        support = replace(RelaxedProfiles.of(random_profiles(budget(2, 6), 0), train.n_items), weights=weights)
        problem = replace(FAMILIES[0], optimizer=Adam(0.05), epochs=epochs).problem(train, ctx, support)
        now, most = 0, 0

        class Held:
            def __init__(self, tensor: Tensor) -> None:
                nonlocal now, most
                self.tensor = tensor.detach()  # a node that holds its own result would never go
                now += tensor.numel()
                most = max(most, now)

            def __del__(self) -> None:
                nonlocal now
                now -= self.tensor.numel()

        with torch.autograd.graph.saved_tensors_hooks(Held, lambda kept: kept.tensor):
            params = unroll(problem, ctx.seed, checkpoint=[weights] if checkpointed else None)
            torch.autograd.grad(params["items"].sum(), weights)
        return most

    assert 3.5 < held(64, False) / held(16, False) < 4.5
    assert held(64, True) / held(16, True) < 2.5
    assert held(64, True) < held(64, False) / 3


@families
def test_a_few_outer_steps_beat_random_profiles_and_no_steps_on_seeds_never_seen(model: Differentiable) -> None:
    train, spend = planted(n_users=40), budget(5)
    views = [view_of(train, {"interactions", "surrogate"}, spend, k, surrogate=lambda name: model) for k in range(3)]

    def gain(crafted: list[Profiles]) -> float:
        return float(np.mean([rank_gain(model, train, profiles, range(100, 103)) for profiles in crafted]))

    learned = [UnrolledAttack().craft(view) for view in views]
    for profiles in learned:
        profiles.check(spend)
        assert (profiles.histories.lengths == spend.sizes).all()
    assert gain(learned) > gain([random_profiles(spend, draw) for draw in range(3)]) + 0.05
    assert gain(learned) > gain([UnrolledAttack(steps=0).craft(view) for view in views]) + 0.05


def test_the_seed_decides_the_attack() -> None:
    train, spend = planted(n_users=24), budget(2)
    attack = UnrolledAttack(steps=1)

    def craft(seed: int) -> list[int]:
        secrets = {"surrogate": lambda name: FAMILIES[0]}
        view = view_of(train, {"interactions", "surrogate"}, spend, derive_seed(seed, "attack"), **secrets)
        return attack.craft(view).items.tolist()

    assert craft(1) == craft(1) != craft(2)
