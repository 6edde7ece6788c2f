"""Adversarial training: the perturbation is the paper's, and training against it makes it harmless."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import planted
from torch import Tensor

from recbench.contracts import (
    Batch,
    FitContext,
    FittedProblem,
    Problem,
    Protected,
    Scorer,
    Tables,
    mean_loss,
    torch_rng,
)
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.data.splits import ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import rank
from recbench.plugins import load_plugins
from recbench.specs import build, expand
from recbench_plugins.defenses.training.adversarial_training import AdversarialTraining, perturb
from recbench_plugins.defenses.training.table_gradients import gradient
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

MODEL = BPRMF(dim=6, lr=0.1, l2=0.02, epochs=4, batch_size=16)
CTX = FitContext(seed=0)


def _drawn(problem: Problem) -> dict[str, Tensor]:
    fresh = problem.init(0)
    return {name: torch.randn(t.shape, generator=torch_rng(1, name)).requires_grad_() for name, t in fresh.items()}


def _batch(problem: Problem) -> Batch:
    return next(iter(problem.batches(seed=3, epoch=0)))


@pytest.fixture
def problem() -> Problem:
    return MODEL.problem(planted(), CTX)


def test_every_touched_row_moves_by_eps_mean_row_lengths_along_its_gradient(problem: Problem) -> None:
    tables, batch = _drawn(problem), _batch(problem)
    loss = problem.losses(tables, batch).mean()
    moved = perturb(problem, tables, gradient(loss, tables, keep=True), eps=0.3)
    touched = {"users": batch.users, "items": torch.cat([batch.positives, batch.negatives])}
    for name, rows in touched.items():
        move = (moved[name] - tables[name]).detach()
        expected = torch.zeros(len(move))
        expected[rows] = 0.3 * tables[name].detach().norm(dim=1).mean()
        assert 0 < len(rows.unique()) < len(move)
        torch.testing.assert_close(move.norm(dim=1), expected)
        (slope,) = torch.autograd.grad(loss, tables[name], retain_graph=True)
        torch.testing.assert_close(torch.cosine_similarity(move[rows], slope[rows]), torch.ones(len(rows)))
        untouched = expected == 0
        assert torch.equal(moved[name][untouched], tables[name][untouched])


def test_only_what_the_problem_calls_perturbable_moves(problem: Problem) -> None:
    tables, batch = _drawn(problem), _batch(problem)
    moved = perturb(problem, tables, gradient(problem.losses(tables, batch).mean(), tables), eps=0.3)
    assert set(moved) == set(tables)
    assert moved["bias"] is tables["bias"]


def test_eps_zero_moves_nothing(problem: Problem) -> None:
    tables, batch = _drawn(problem), _batch(problem)
    moved = perturb(problem, tables, gradient(problem.losses(tables, batch).mean(), tables), eps=0.0)
    assert all(torch.equal(moved[name], tables[name]) for name in tables)


def test_the_move_is_a_constant_for_the_outer_gradient(problem: Problem) -> None:
    tables, batch = _drawn(problem), _batch(problem)
    moved = perturb(problem, tables, gradient(problem.losses(tables, batch).mean(), tables), eps=0.3)
    slopes = torch.randn(tables["items"].shape, generator=torch_rng(2))
    (found,) = torch.autograd.grad((moved["items"] * slopes).sum(), tables["items"])
    assert torch.equal(found, slopes)


def test_the_step_is_the_loss_the_weighted_adversarial_loss_and_the_penalty(problem: Problem) -> None:
    params, batch = _drawn(problem), _batch(problem)
    loss = problem.losses(params, batch).mean()
    moved = perturb(problem, params, gradient(loss, params, keep=True), 0.3)
    adversarial = problem.losses(moved, batch).mean()
    assert adversarial > loss
    step = AdversarialTraining(eps=0.3, weight=0.5).step(problem, params, batch)
    torch.testing.assert_close(step, loss + 0.5 * adversarial + problem.penalty(params, batch))
    unweighted = AdversarialTraining(eps=0.3, weight=0.0).step(problem, params, batch)
    torch.testing.assert_close(unweighted, mean_loss(problem, params, batch))


def test_the_gradient_of_the_step_is_that_of_the_two_losses_at_a_constant_move(one_step: Any) -> None:
    """As autograd finds it where everything is one graph, the move left out of it."""
    _, problem, params, batch = one_step
    wanted = list(params.values())
    tables = problem.encode(params)
    loss = problem.losses(tables, batch).mean()
    moved = perturb(problem, tables, gradient(loss, tables, keep=True), 0.3)
    whole = loss + 0.5 * problem.losses(moved, batch).mean() + problem.penalty(params, batch)
    expected = torch.autograd.grad(whole, wanted)
    found = torch.autograd.grad(AdversarialTraining(eps=0.3, weight=0.5).step(problem, params, batch), wanted)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.fixture(scope="module")
def movielens(mirror: Path) -> Interactions:
    return ratio_split(read_interactions(mirror / "ml-100k").interactions, seed=42, validation=0.0, test=0.2).train


def _perturbed_loss(scorer: Scorer, eps: float) -> float:
    """The training loss at a perturbation of the fitted tables that no training has seen, on fresh negatives."""
    assert isinstance(scorer, FittedProblem)
    problem, tables = scorer.problem, {name: table.clone().requires_grad_() for name, table in scorer.tables.items()}
    losses = []
    for batch in problem.batches(seed=77, epoch=0):
        slopes = gradient(problem.losses(tables, batch).mean(), tables)
        moved: Tables = perturb(problem, tables, slopes, eps)
        losses.append(float(problem.losses(moved, batch).mean().detach()))
    return float(np.mean(losses))


def test_a_fresh_perturbation_hurts_less_than_after_the_same_training_without_one(movielens: Interactions) -> None:
    model = BPRMF(dim=16, lr=0.1, l2=0.01, epochs=5, batch_size=4096)
    robust, plain = (AdversarialTraining(eps, weight=1.0).fit(model, movielens, CTX).scorer for eps in (0.3, 0.0))
    for eps in (0.3, 0.5):
        assert _perturbed_loss(robust, eps) < 0.9 * _perturbed_loss(plain, eps)


@pytest.mark.parametrize("name", ["bpr-mf[dim=6,epochs=3]", "wmf-sgd[dim=6,epochs=3]"])
def test_as_a_component_it_protects_every_differentiable_recommender(name: str) -> None:
    plugins, data = load_plugins(), planted()
    ((defense, settings),) = expand(plugins, "defense", "adversarial-training[eps=0.2,weight=0.5]")
    ((recommender, params),) = expand(plugins, "recommender", name)
    assert defense.requires_recommender <= recommender.provides
    training = build(defense, settings)
    assert training == AdversarialTraining(eps=0.2, weight=0.5)
    protected = training.fit(build(recommender, params), data, CTX)
    assert isinstance(protected, Protected)
    assert protected.suspicion is None
    audience = Audience.shuffled(np.arange(60), 60, seed=0)
    ranking = rank(protected.scorer, audience, data.histories, data.n_items, np.array([0]), 10, seed=0)
    assert (ranking.top >= 0).all()


def test_validation_chooses_the_epoch_of_both_trainings() -> None:
    everyone = np.arange(60)
    validated: list[Tensor] = []

    def validate(scorer: Scorer) -> float:
        validated.append(scorer.score(everyone))
        return -len(validated)  # the first is the best: training stops after `patience` more

    model = WMFSGD(dim=6, alpha=5.0, lr=0.05, l2=3.0, scale=0.1, epochs=20, batch_users=2048, every=2, patience=2)
    ctx = FitContext(seed=5, validate=validate)
    protected = AdversarialTraining(eps=0.3, weight=1.0).fit(model, planted(), ctx)
    assert len(validated) == 2 * 3
    torch.testing.assert_close(protected.scorer.score(everyone), validated[3])


def test_the_seed_decides_the_model() -> None:
    training, everyone = AdversarialTraining(eps=0.3, weight=1.0), np.arange(60)
    one, again, other = (training.fit(MODEL, planted(), FitContext(seed)).scorer.score(everyone) for seed in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
