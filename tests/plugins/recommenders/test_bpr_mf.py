"""BPR: its sampler is exact, its losses and its regularization are the paper's, and it learns."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import appended, budget, planted, random_profiles
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from recbench.contracts import (
    Batch,
    FitContext,
    FittedProblem,
    Params,
    Recommender,
    RelaxedProfiles,
    optimize,
    torch_rng,
    unroll,
)
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.bpr_mf import BPRMF, BPRProblem
from recbench_plugins.recommenders.triples import NegativeSampler, Triples

SMALL = BPRMF(dim=6, lr=0.1, l2=0.02, epochs=4, batch_size=64)
CTX = FitContext(seed=0)


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def _triples(problem: BPRProblem, seed: int = 0, epoch: int = 0) -> Triples:
    """All triples of one epoch as one batch."""
    batches = list(problem.batches(seed, epoch))
    entry = None
    if batches[0].entry is not None:
        entry = torch.cat([batch.entry for batch in batches if batch.entry is not None])
    users, positives, negatives = (
        torch.cat([getattr(batch, name) for batch in batches]) for name in ("users", "positives", "negatives")
    )
    return Triples(users, seed, positives, negatives, entry)


# Sampling


def test_negatives_are_uniform_over_the_items_that_a_user_does_not_have() -> None:
    n_items = 9
    has = {0: [0, 3, 8], 1: [], 2: [5, 4, 6, 7], 3: [0, 1, 2, 3, 5, 6, 7, 8]}
    users = torch.tensor([user for user, items in has.items() for _ in items])
    items = torch.tensor([item for items in has.values() for item in items])
    sampler = NegativeSampler(users, items, n_users=4, n_items=n_items)
    assert sampler.free.tolist() == [6, 9, 5, 1]
    drawn = sampler.sample(torch.arange(4).repeat_interleave(20_000), torch_rng(1)).reshape(4, -1)
    for user, own in has.items():
        counts = np.bincount(drawn[user], minlength=n_items)
        free = np.setdiff1d(np.arange(n_items), own)
        assert counts[own].sum() == 0
        if len(free) > 1:
            assert chisquare(counts[free]).pvalue > 0.01


@given(n_users=st.integers(1, 6), n_items=st.integers(1, 12), density=st.floats(0, 0.99), seed=st.integers(0, 2**16))
def test_a_negative_is_never_a_positive(n_users: int, n_items: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    has = rng.random((n_users, n_items)) < density
    users, items = (torch.tensor(ids) for ids in rng.permutation(np.argwhere(has)).reshape(-1, 2).T)
    sampler = NegativeSampler(users, items, n_users, n_items)
    asked = torch.tensor(np.flatnonzero(~has.all(axis=1))).repeat_interleave(50)
    drawn = sampler.sample(asked, torch_rng(seed))
    assert not has[asked.numpy(), drawn.numpy()].any()


def test_users_who_have_everything_are_left_out_and_hang_nothing() -> None:
    users = np.array([0] * 5 + [1, 1, 2])
    items = np.array([0, 1, 2, 3, 4, 0, 3, 4])
    data = Interactions(users, items, 4, 5)
    triples = _triples(SMALL.problem(data, CTX))
    assert sorted(zip(triples.users.tolist(), triples.positives.tolist(), strict=True)) == [(1, 0), (1, 3), (2, 4)]
    assert torch.isfinite(SMALL.fit(data, CTX).score(np.arange(4))).all()


def test_an_epoch_holds_every_interaction_once_in_another_order_each_time() -> None:
    data = planted()
    problem = SMALL.problem(data, CTX)
    pairs = sorted(zip(data.users.tolist(), data.items.tolist(), strict=True))
    orders = []
    for epoch in range(2):
        triples = _triples(problem, epoch=epoch)
        assert sorted(zip(triples.users.tolist(), triples.positives.tolist(), strict=True)) == pairs
        assert not data.contains(triples.users.numpy(), triples.negatives.numpy()).any()
        orders.append(triples.users.tolist())
    assert orders[0] != orders[1]
    assert [len(batch.users) for batch in problem.batches(0, 0)][:-1] == [64] * (len(data) // 64)


# Losses and regularization


def _drawn(problem: BPRProblem) -> Params:
    """Parameters without structure; a fresh initialization has no bias."""
    fresh = problem.init(0)
    return {name: torch.randn(table.shape, generator=torch_rng(3, name)) for name, table in fresh.items()}


def test_the_loss_of_a_triple_is_minus_the_log_of_the_probability_that_it_is_ordered_right() -> None:
    problem = SMALL.problem(planted(), CTX)
    params = _drawn(problem)
    triples = _triples(problem)
    scores = problem.scores(params, torch.arange(problem.n_users))
    margins = scores[triples.users, triples.positives] - scores[triples.users, triples.negatives]
    torch.testing.assert_close(problem.losses(params, triples), -margins.sigmoid().log())
    expected = params["users"] @ params["items"].T + params["bias"].squeeze(1)
    torch.testing.assert_close(scores, expected)


def test_the_penalty_is_the_mean_of_the_squared_norms_of_the_sampled_rows() -> None:
    problem = SMALL.problem(planted(), CTX)
    params = _drawn(problem)
    batch = next(iter(problem.batches(0, 0)))
    total = 0.0
    for user, i, j in zip(batch.users, batch.positives, batch.negatives, strict=True):
        rows = [params["users"][user], params["items"][i], params["items"][j], params["bias"][i], params["bias"][j]]
        total += sum(float((row**2).sum()) for row in rows)
    assert float(problem.penalty(params, batch)) == pytest.approx(0.02 * total / len(batch.users), rel=1e-5)


# Fakes that carry gradient


def test_only_the_hard_support_of_the_fakes_is_sampled() -> None:
    data = planted()
    weights = torch.rand(3, data.n_items, generator=torch_rng(5))
    problem = SMALL.problem(data, CTX, RelaxedProfiles.dense(weights))
    triples = _triples(problem)
    fake = triples.users >= data.n_users
    sampled = torch.stack([triples.users[fake] - data.n_users, triples.positives[fake]], dim=1)
    assert sorted(sampled.tolist()) == (weights >= 0.5).nonzero().tolist()
    # What is not in the support is free to be a negative, and nothing else is.
    negatives = weights[triples.users[fake] - data.n_users, triples.negatives[fake]]
    assert (negatives < 0.5).all()


def test_weights_multiply_the_losses_of_their_own_triples_and_of_no_others() -> None:
    data = planted()
    weights = 0.2 + 0.8 * torch.rand(3, data.n_items, generator=torch_rng(5))
    relaxed = SMALL.problem(data, CTX, RelaxedProfiles.dense(weights))
    triples, params = _triples(relaxed), _drawn(relaxed)
    plain = relaxed.losses(params | {"fakes": torch.ones(3 * data.n_items)}, triples)
    fake = triples.users >= data.n_users
    factors = torch.ones(len(triples.users))
    factors[fake] = weights[triples.users[fake] - data.n_users, triples.positives[fake]]
    torch.testing.assert_close(relaxed.losses(relaxed.encode(params), triples), factors * plain)
    assert (factors[fake] < 1).all()


def test_fakes_of_weight_one_train_as_genuine_users() -> None:
    data, profiles = planted(), random_profiles(budget(4, 8), 0)
    relaxed = SMALL.problem(data, CTX, RelaxedProfiles.of(profiles, data.n_items))
    discrete = SMALL.problem(appended(data, profiles), CTX)
    together = [unroll(problem, seed=7, last=0) for problem in (relaxed, discrete)]
    for name, table in together[0].items():
        torch.testing.assert_close(table, together[1][name])


@pytest.mark.usefixtures("double_precision")
def test_the_gradient_to_the_weights_through_the_training_equals_finite_differences() -> None:
    data = planted(n_users=20)
    support = RelaxedProfiles.of(random_profiles(budget(2, 5), 0), data.n_items)
    weights = 0.6 + 0.3 * torch.rand(10, generator=torch_rng(0))

    def loss(at: Tensor) -> Tensor:
        problem = SMALL.problem(data, CTX, replace(support, weights=at))
        params = unroll(problem, seed=1)
        return problem.scores(problem.encode(params), torch.arange(20)).log_softmax(1)[:, -1].mean()

    (gradient,) = torch.autograd.grad(loss(weights.requires_grad_()), weights)
    differences = torch.stack([(loss(weights + h) - loss(weights - h)).detach() / 2e-5 for h in 1e-5 * torch.eye(10)])
    assert differences.norm() > 1e-5
    assert (gradient - differences).norm() / differences.norm() < 1e-5


def test_fakes_change_no_items_initialization() -> None:
    data, fakes = planted(), RelaxedProfiles.of(random_profiles(budget(4, 8), 0), 40)
    clean, poisoned = SMALL.problem(data, CTX).init(9), SMALL.problem(data, CTX, fakes).init(9)
    assert len(poisoned["users"]) == len(clean["users"]) + 4
    assert torch.equal(clean["items"], poisoned["items"])
    assert torch.equal(clean["bias"], poisoned["bias"])


# The fitted model


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    data = planted()
    first, again, other = (SMALL.fit(data, FitContext(seed)) for seed in (4, 4, 5))
    everyone = np.arange(data.n_users)
    assert torch.equal(first.score(everyone), again.score(everyone))
    assert not torch.equal(first.score(everyone), other.score(everyone))


def test_a_user_and_an_item_without_interactions_have_finite_scores(small: Interactions) -> None:
    scorer = SMALL.fit(small, CTX)
    assert isinstance(scorer, FittedProblem)
    scores = scorer.score(np.arange(small.n_users))
    assert scores.shape == (50, 20)
    assert torch.isfinite(scores).all()


def test_planted_blocks_are_found() -> None:
    data = planted(n_users=200)
    scores = BPRMF(dim=8, lr=0.1, l2=0.01, epochs=30, batch_size=256).fit(data, CTX).score(np.arange(200)).numpy()
    inside = np.arange(40) // 10 == (np.arange(200) % 4)[:, None]
    unseen = data.csr.toarray() == 0
    assert scores[inside & unseen].mean() > scores[~inside & unseen].mean() + 2


def test_25_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(BPRMF(epochs=25)) >= 0.40


# Row-wise steps


@pytest.mark.parametrize("relaxed", [False, True])
def test_row_wise_steps_train_what_steps_on_whole_tables_train(relaxed: bool) -> None:
    data = planted()
    fakes = RelaxedProfiles.of(random_profiles(budget(), 0), data.n_items) if relaxed else None
    whole, by_rows = (
        optimize(replace(SMALL, rowwise=rowwise).problem(data, CTX, fakes), CTX) for rowwise in (False, True)
    )
    for name, table in whole.items():
        torch.testing.assert_close(by_rows[name], table, rtol=1e-5, atol=1e-6)


def test_row_wise_steps_see_no_row_that_their_batch_does_not_have() -> None:
    seen = []

    class Watching(BPRProblem):
        def gradients(self, params: Params, batch: Batch) -> Params:
            assert isinstance(batch, Triples)
            seen.append({name: len(table) for name, table in params.items()})
            assert sorted(set(batch.users.tolist())) == list(range(len(params["users"])))
            assert set(torch.cat([batch.positives, batch.negatives]).tolist()) == set(range(len(params["items"])))
            return super().gradients(params, batch)

    data = planted()
    optimize(Watching(replace(SMALL, rowwise=True, epochs=1, batch_size=8), data, "cpu", None), CTX)
    assert len(seen) == -(-len(data) // 8)
    assert all(sizes["users"] <= 8 and sizes["items"] == sizes["bias"] <= 16 for sizes in seen)
