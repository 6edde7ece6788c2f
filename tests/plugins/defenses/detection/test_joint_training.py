"""Joint detectors: the forest, what they learn, whom they weigh down, and what they leave behind."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import appended, budget, planted, random_profiles
from torch import Tensor

from recbench.contracts import (
    FitContext,
    Params,
    Profiles,
    RecbenchError,
    Scorer,
    derive_seed,
    optimize,
)
from recbench.evaluation.detection import roc_auc
from recbench_plugins.defenses.detection.graphrfi import GraphRfi
from recbench_plugins.defenses.detection.joint_training import JointProblem, JointTraining, Labels, labelled
from recbench_plugins.defenses.detection.neural_forest import NeuralForest
from recbench_plugins.defenses.detection.pdr import PDR, divergence, posterior
from recbench_plugins.recommenders.biased_mf import BiasedMF
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.lightgcn import LightGCN
from recbench_plugins.recommenders.multivae import MultiVAE

CTX = FitContext(seed=0)
MODEL = BPRMF(dim=8, epochs=25, batch_size=128)
JOINT = [GraphRfi(trees=8, depth=3, hidden=16), PDR(trees=8, depth=3, hidden=16)]
each = pytest.mark.parametrize("joint", JOINT, ids=lambda joint: type(joint).__name__)


def _examples() -> Profiles:
    """Fakes of another target."""
    return random_profiles(budget(40), seed=9, target=5)


def _poisoned() -> Any:
    return appended(planted(n_users=100), random_profiles(budget(10), seed=1))


def test_a_forest_of_one_stump_is_the_logistic_mixture_of_its_two_leaves() -> None:
    forest = NeuralForest(features=3, hidden=4, trees=1, depth=1)
    params, seen = forest.init(0, "cpu"), torch.ones(1, 1, 4)
    features = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    left = torch.sigmoid(torch.relu(features @ params["hidden"]) @ params["routes"][0, 0])
    leaves = torch.sigmoid(params["leaves"][0])
    expected = left * leaves[0] + (1 - left) * leaves[1]
    torch.testing.assert_close(forest.probability(params, seen, features), expected)


def test_every_example_reaches_the_leaves_with_shares_that_sum_to_one() -> None:
    forest = NeuralForest(features=3, hidden=6, trees=5, depth=4)
    params, seen = forest.init(0, "cpu"), forest.seen(0, "cpu")
    assert seen.sum(2).unique().tolist() == [3]
    features = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    certain = {**params, "leaves": torch.full_like(params["leaves"], 50.0)}
    torch.testing.assert_close(forest.probability(certain, seen, features), torch.ones(7))


def test_a_forest_learns_what_no_linear_rule_tells_apart() -> None:
    features = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    truth = (features[:, 0] * features[:, 1] > 0).float()
    forest = NeuralForest(features=2, hidden=32, trees=8, depth=3)
    params = {name: value.requires_grad_() for name, value in forest.init(0, "cpu").items()}
    seen, optimizer = forest.seen(0, "cpu"), torch.optim.Adam(params.values(), lr=0.03)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy(forest.probability(params, seen, features), truth).backward()
        optimizer.step()
    assert ((forest.probability(params, seen, features) > 0.5) == (truth > 0.5)).float().mean() > 0.93


def _trained(joint: JointTraining) -> tuple[JointProblem, Params, Labels]:
    data, fake = labelled(planted(), CTX)
    problem = JointProblem(MODEL.problem(data, CTX), data, 8, 3, 16, derive_seed(0, "forest"))
    params = {name: value.requires_grad_() for name, value in problem.init(0).items()}
    problem.measure(params, 0)
    made = torch.tensor(fake)
    return problem, params, Labels(joint.believed(made.float()), made)


@each
def test_losses_of_a_user_count_as_much_as_the_detector_believes_in_the_user(joint: JointTraining) -> None:
    problem, params, known = _trained(joint)
    batch = next(iter(problem.batches(0, 0)))
    tables = problem.encode(params)
    losses = problem.losses(tables, batch)
    made, fake = known.made[batch.users], problem.fake(tables, batch.users)
    assert made.any()
    before = torch.where(made, 0.05, 1.0)
    after = torch.where(made, 0.05, (1 - fake).clamp(min=0.05))
    untrusted, trusted = (joint.step(problem, params, batch, known, trusted=each) for each in (False, True))
    expected = ((after / after.mean() - before / before.mean()) * losses).mean()
    torch.testing.assert_close(trusted - untrusted, expected, rtol=1e-3, atol=1e-5)


@each
def test_detection_moves_the_forest_and_leaves_embeddings_where_they_are(joint: JointTraining) -> None:
    problem, params, known = _trained(joint)
    users = torch.arange(problem.n_users)
    tables = problem.encode(params)
    loss = joint.detection(problem.fake(tables, users).clamp(1e-4, 1 - 1e-4), known, users).mean()
    gradients = torch.autograd.grad(loss, list(params.values()), allow_unused=True)
    moved = {name for name, gradient in zip(params, gradients, strict=True) if gradient is not None}
    assert moved == {name for name in params if name.startswith("detector.")}


def test_errors_are_each_users_mean_loss_standardized() -> None:
    problem, params, _ = _trained(JOINT[0])
    total, count = np.zeros(problem.n_users), np.zeros(problem.n_users)
    for batch in problem.batches(0, 0):
        np.add.at(total, batch.users, problem.losses(problem.encode(params), batch).detach())
        np.add.at(count, batch.users, 1)
    mean = total / count
    expected = (mean - mean.mean()) / mean.std(ddof=1)
    assert problem.errors[:, 0].numpy() == pytest.approx(expected, abs=1e-3)


@each
def test_fakes_of_the_family_that_was_learned_are_found_among_the_users(joint: JointTraining) -> None:
    protected = joint.fit(MODEL, _poisoned(), FitContext(0, examples=_examples()))
    assert protected.suspicion is not None
    assert protected.suspicion.shape == (110,)
    assert roc_auc(protected.suspicion, np.arange(110) >= 100) > 0.75


@each
def test_without_examples_fakes_are_simulated_and_dropped_again(joint: JointTraining) -> None:
    protected = joint.fit(MODEL, _poisoned(), CTX)
    assert protected.suspicion is not None
    assert protected.suspicion.shape == (110,)
    assert torch.as_tensor(protected.scorer.score(np.arange(110))).shape == (110, 40)


@each
def test_suspicion_is_of_the_epoch_that_early_stopping_goes_back_to(joint: JointTraining) -> None:
    def early(scorer: Scorer) -> float:
        return next(falling)

    falling = iter((0.3, 0.2, 0.1))
    stopped = joint.fit(replace(MODEL, epochs=30, every=10), _poisoned(), FitContext(0, validate=early)).suspicion
    ended = joint.fit(replace(MODEL, epochs=10), _poisoned(), CTX).suspicion
    assert next(falling, None) is None
    assert stopped is not None
    assert ended is not None
    np.testing.assert_array_equal(stopped, ended)


@pytest.mark.parametrize("model", [BiasedMF(dim=2, epochs=6), LightGCN(dim=6, epochs=4)], ids=["ratings", "graph"])
def test_it_serves_ratings_and_graphs(model: Any) -> None:
    train = planted(explicit=isinstance(model, BiasedMF))
    protected = JOINT[0].fit(model, train, CTX)
    assert torch.as_tensor(protected.scorer.score(np.arange(60))).isfinite().all()


def test_a_model_without_embeddings_of_users_is_refused_by_name() -> None:
    with pytest.raises(RecbenchError, match="MultiVAE has no table of users"):
        GraphRfi().fit(MultiVAE(epochs=1), planted(), CTX)


def test_the_posterior_is_the_prior_where_the_detector_says_the_same_of_everybody() -> None:
    prior = torch.tensor([[0.9, 0.1], [0.05, 0.95]])
    torch.testing.assert_close(posterior(torch.full((2, 2), 0.5), prior), prior)


def test_the_posterior_shares_out_belief_among_users() -> None:
    """Of two alike labels, the one that the detector finds more fake than the others do is the more fake."""
    beliefs = torch.tensor([[0.9, 0.1], [0.6, 0.4]])
    prior = torch.tensor([[0.8, 0.2], [0.8, 0.2]])
    expected = prior * beliefs / torch.tensor([1.5, 0.5])
    torch.testing.assert_close(posterior(beliefs, prior), expected / expected.sum(1, keepdim=True))
    assert divergence(prior, prior).abs().max() < 1e-6


def test_priors_move_towards_the_detector_every_few_epochs() -> None:
    pdr = PDR(trees=8, depth=3, hidden=16, warmup=0, adjust=2, rate=0.25)
    problem, params, known = _trained(pdr)
    before = known.fake.clone()
    assert sorted(before.unique().tolist()) == pytest.approx([0.05, 0.9])
    pdr.revise(problem, params, known, done=1)
    assert torch.equal(known.fake, before)
    pdr.revise(problem, params, known, done=2)
    believed: Tensor = problem.fake(problem.encode(params), torch.arange(problem.n_users)).detach()
    torch.testing.assert_close(known.fake, 0.75 * before + 0.25 * believed)


def test_with_weights_of_one_and_no_detection_the_training_is_the_plain_one() -> None:
    """The detector's parameters have streams and gradients of their own."""
    data, _ = labelled(planted(), CTX)
    inner = MODEL.problem(data, CTX)
    problem = JointProblem(inner, data, 8, 3, 16, 1)
    joint, plain = optimize(problem, CTX), optimize(inner, CTX)
    for name in plain:
        torch.testing.assert_close(joint[name], plain[name], rtol=1e-4, atol=1e-4)
