"""Weighted MF: its loss is that of Hu, Koren, Volinsky on the dense matrix, and smooth in the fakes' weights."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import appended, budget, planted, random_profiles
from numpy.typing import NDArray
from torch import Tensor

from recbench.contracts import (
    FitContext,
    FittedProblem,
    Params,
    Problem,
    Recommender,
    RelaxedProfiles,
    mean_loss,
    torch_rng,
    unroll,
)
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

ALPHA, L2 = 20.0, 3.0
SMALL = WMFSGD(dim=5, alpha=ALPHA, lr=0.1, l2=L2, scale=0.3, epochs=4, batch_users=2048)
CTX = FitContext(seed=0)


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def _losses(problem: Problem, params: Params) -> NDArray[np.float64]:
    """The loss of every user, whatever the batches are."""
    losses = np.full(problem.n_users, np.nan)
    for batch in problem.batches(seed=0, epoch=0):
        losses[batch.users.numpy()] = problem.losses(problem.encode(params), batch).detach().numpy()
    return losses


def _dense(params: Params, weights: NDArray[np.float64], confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per user, sum over all items of confidence * score^2 - 2 alpha weight score + alpha weight, by loops."""
    users, items = (params[name].double().numpy() for name in ("users", "items"))
    losses = np.zeros(len(users))
    for u in range(len(users)):
        for i in range(len(items)):
            score = users[u] @ items[i]
            losses[u] += confidence[u, i] * score**2 - 2 * ALPHA * weights[u, i] * score + ALPHA * weights[u, i]
    return losses


def test_the_loss_of_each_user_is_the_weighted_squared_error_over_the_whole_catalogue(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = problem.init(1)
    x = small.csr.toarray()
    scores = params["users"].numpy().astype(np.float64) @ params["items"].numpy().T
    expected = (np.where(x > 0, ALPHA, 1.0) * (x - scores) ** 2).sum(1)  # Hu et al., eq. 3
    np.testing.assert_allclose(_losses(problem, params), expected, rtol=1e-5)


@pytest.mark.usefixtures("double_precision")
def test_between_0_and_1_the_pull_is_linear_and_the_confidence_follows_the_smoothstep() -> None:
    data = planted(n_users=12)
    weights = torch.rand(3, data.n_items, generator=torch_rng(2))
    weights[:, :5], weights[:, 5:10] = 0.0, 1.0
    problem = SMALL.problem(data, CTX, RelaxedProfiles.dense(weights))
    params = problem.init(1)
    w = np.concatenate([data.csr.toarray(), weights.numpy()])
    expected = _dense(params, w, 1 + (ALPHA - 1) * (3 * w**2 - 2 * w**3))
    np.testing.assert_allclose(_losses(problem, params), expected)


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("there", [0.0, 1.0], ids=["absent", "present"])
def test_to_first_order_an_interaction_counts_alike_whether_it_is_added_or_taken_away(there: float) -> None:
    data = planted(n_users=12)
    weights = torch.full((2, data.n_items), there).requires_grad_()
    problem = SMALL.problem(data, CTX, RelaxedProfiles.dense(weights))
    params = problem.init(1)
    (batch,) = problem.batches(seed=0, epoch=0)
    problem.losses(problem.encode(params), batch).sum().backward()
    scores = params["users"][-2:] @ params["items"].T
    torch.testing.assert_close(weights.grad, ALPHA * (1 - 2 * scores))


def test_chunks_of_users_have_the_losses_and_the_penalty_of_one_batch() -> None:
    data = planted()
    fakes = RelaxedProfiles.of(random_profiles(budget(4, 8), 0), data.n_items)
    whole, chunked = (replace(SMALL, batch_users=size).problem(data, CTX, fakes) for size in (2048, 7))
    params = whole.init(1)
    np.testing.assert_allclose(_losses(chunked, params), _losses(whole, params), rtol=1e-6)
    batches = list(chunked.batches(seed=0, epoch=0))
    assert sorted(len(batch.users) for batch in batches) == [1, *[7] * 9]
    (everyone,) = whole.batches(seed=0, epoch=0)
    steps = sum(len(batch.users) * mean_loss(chunked, params, batch) for batch in batches)
    torch.testing.assert_close(steps / 64, mean_loss(whole, params, everyone))


def test_chunks_come_in_another_order_each_epoch() -> None:
    problem = replace(SMALL, batch_users=7).problem(planted(), CTX)
    orders = [[int(batch.users[0]) for batch in problem.batches(seed=0, epoch=epoch)] for epoch in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(0, 60, 7))
    assert orders[0] != orders[1]


def test_the_penalty_weighs_the_squared_norms_beside_the_loss_summed_over_users() -> None:
    problem = SMALL.problem(planted(), CTX)
    params = problem.init(1)
    (everyone,) = problem.batches(seed=0, epoch=0)
    squares = sum(float((table**2).sum()) for table in params.values())
    assert 60 * float(problem.penalty(params, everyone)) == pytest.approx(L2 * squares, rel=1e-5)


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("batch_users", [2048, 7], ids=["one batch", "chunks"])
def test_the_gradient_to_the_weights_through_the_training_equals_finite_differences(batch_users: int) -> None:
    model = replace(SMALL, batch_users=batch_users)
    data = planted(n_users=20)
    support = RelaxedProfiles.of(random_profiles(budget(2, 5), 0), data.n_items)
    weights = torch.rand(10, generator=torch_rng(0))

    def loss(at: Tensor) -> Tensor:
        problem = model.problem(data, CTX, replace(support, weights=at))
        params = unroll(problem, seed=1)
        return problem.scores(problem.encode(params), torch.arange(20)).log_softmax(1)[:, -1].mean()

    (gradient,) = torch.autograd.grad(loss(weights.requires_grad_()), weights)
    differences = torch.stack([(loss(weights + h) - loss(weights - h)).detach() / 2e-5 for h in 1e-5 * torch.eye(10)])
    assert differences.norm() > 1e-5
    assert (gradient - differences).norm() / differences.norm() < 1e-5


def test_fakes_of_weight_one_train_as_genuine_users_and_those_of_weight_zero_as_users_with_nothing() -> None:
    data, profiles = planted(), random_profiles(budget(4, 8), 0)
    fakes = RelaxedProfiles.of(profiles, data.n_items)
    nothing = Interactions(data.users, data.items, data.n_users + 4, data.n_items)
    for weight, discrete in ((1.0, appended(data, profiles)), (0.0, nothing)):
        relaxed = SMALL.problem(data, CTX, replace(fakes, weights=torch.full((32,), weight)))
        together = [unroll(problem, seed=7, last=0) for problem in (relaxed, SMALL.problem(discrete, CTX))]
        for name, table in together[0].items():
            torch.testing.assert_close(table, together[1][name])


def test_fakes_change_no_items_initialization() -> None:
    data, fakes = planted(), RelaxedProfiles.of(random_profiles(budget(4, 8), 0), 40)
    clean, poisoned = SMALL.problem(data, CTX).init(9), SMALL.problem(data, CTX, fakes).init(9)
    assert len(poisoned["users"]) == len(clean["users"]) + 4
    assert torch.equal(clean["items"], poisoned["items"])


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    model = replace(SMALL, batch_users=16)
    first, again, other = (model.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_user_and_an_item_without_interactions_have_finite_scores(small: Interactions) -> None:
    scorer = SMALL.fit(small, CTX)
    assert isinstance(scorer, FittedProblem)
    scores = scorer.score(np.arange(small.n_users))
    assert scores.shape == (50, 20)
    assert torch.isfinite(scores).all()


def test_30_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(WMFSGD(epochs=30)) >= 0.42
