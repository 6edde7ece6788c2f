"""Mult-VAE: its loss is that of the paper on dense rows, and it learns."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import planted
from numpy.typing import NDArray
from scipy.special import log_softmax

from recbench.contracts import FitContext, Params, Recommender, RelaxedProfiles, ScoresRows, torch_rng
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.multivae import MultiVAE, MultiVAEProblem

SMALL = MultiVAE(hidden=8, latent=4, lr=0.02, epochs=4, batch_users=16)
CTX = FitContext(seed=0)
NARROW = -40.0
"""A log-variance at which sampling the code moves nothing."""


def _drawn(problem: MultiVAEProblem) -> Params:
    """Parameters without structure, with codes of almost no variance."""
    params = {k: 0.5 * torch.randn(v.shape, generator=torch_rng(3, k)) for k, v in problem.init(0).items()}
    params["code"][:, 4:] = 0
    params["code-bias"][:, 4:] = NARROW
    return params


def _dense(params: Params, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of the codes and logits of dense rows."""
    p = {name: table.double().numpy() for name, table in params.items()}
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1)
    mean = (np.tanh(unit @ p["encoder"] + p["encoder-bias"]) @ p["code"] + p["code-bias"])[:, :4]
    return mean, np.tanh(mean @ p["decoded"] + p["decoded-bias"]) @ p["decoder"] + p["decoder-bias"]


def test_scores_are_the_logits_of_the_mean_code(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem)
    users = torch.tensor([3, 49, 0, 3])
    scores = problem.scores(problem.encode(params), users)
    expected = _dense(params, small.csr.toarray().astype(np.float64))[1]
    np.testing.assert_allclose(scores, expected[users], rtol=1e-4, atol=1e-5)


def test_a_row_that_is_folded_in_scores_as_the_same_user_in_the_data(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    assert isinstance(problem, ScoresRows)
    tables = problem.encode(_drawn(problem))
    folded = problem.scores_rows(tables, torch.tensor(small.csr.toarray()))
    torch.testing.assert_close(folded, problem.scores(tables, torch.arange(50)))


@pytest.mark.parametrize("relaxed", [False, True], ids=["genuine users", "relaxed fakes among them"])
def test_the_loss_is_the_multinomial_likelihood_and_beta_times_the_divergence(relaxed: bool) -> None:
    data = planted(n_users=12)
    weights = torch.rand(3, data.n_items, generator=torch_rng(2))
    model = replace(SMALL, dropout=0.0, beta=0.7)
    problem = model.problem(data, CTX, RelaxedProfiles.dense(weights) if relaxed else None)
    params = _drawn(problem)
    x = data.csr.toarray().astype(np.float64)
    if relaxed:
        x = np.concatenate([x, weights.numpy()])
    mean, logits = _dense(params, x)
    divergence = 0.5 * (np.exp(NARROW) + mean**2 - 1 - NARROW).sum(1)
    expected = -(x * log_softmax(logits, axis=1)).sum(1) + 0.7 * divergence
    (batch,) = problem.batches(seed=0, epoch=3)
    np.testing.assert_allclose(problem.losses(problem.encode(params), batch), expected[batch.users], rtol=1e-4)


def test_the_code_is_sampled_with_its_variance_and_the_same_step_draws_the_same_noise() -> None:
    problem = replace(SMALL, beta=0.0, dropout=0.0, noise=1.0).problem(planted(), CTX)
    params = _drawn(problem)
    params["code-bias"][:, 4:] = 0.0
    first, second, *_ = problem.batches(seed=0, epoch=0)
    tables = problem.encode(params)
    assert torch.equal(problem.losses(tables, first), problem.losses(tables, first))
    again = replace(first, seed=second.seed)
    assert not torch.allclose(problem.losses(tables, first), problem.losses(tables, again))


def test_noise_scales_the_deviation_of_the_code_and_without_it_nothing_is_drawn() -> None:
    whole, half, none = (
        replace(SMALL, beta=0.0, dropout=0.0, noise=noise).problem(planted(), CTX) for noise in (1.0, 0.5, 0.0)
    )
    params = _drawn(whole)
    params["code-bias"][:, 4:] = 0.0
    narrower = {name: table.clone() for name, table in params.items()}
    narrower["code-bias"][:, 4:] = 2 * np.log(0.5)
    batch = next(iter(whole.batches(seed=0, epoch=0)))
    by_half = half.losses(half.encode(params), batch)
    torch.testing.assert_close(by_half, whole.losses(whole.encode(narrower), batch))
    assert not torch.allclose(by_half, whole.losses(whole.encode(params), batch))
    certain = none.encode(params)
    assert torch.equal(none.losses(certain, batch), none.losses(certain, replace(batch, seed=batch.seed + 1)))


def test_dropout_leaves_entries_out_and_keeps_their_sum_in_expectation() -> None:
    data = planted()
    problem = replace(SMALL, beta=0.0, dropout=0.5).problem(data, CTX)
    params = {**_drawn(problem), "encoder-bias": torch.zeros(1, 8)}
    params["encoder"] *= 1e-3  # in the linear range of tanh the mean over the noise is what no dropout gives
    whole = replace(SMALL, beta=0.0, dropout=0.0).problem(data, CTX)
    batch = next(iter(problem.batches(seed=0, epoch=0)))
    tables = problem.encode(params)
    losses = torch.stack([problem.losses(tables, replace(batch, seed=seed)) for seed in range(400)])
    assert (losses.std(0) > 0).all()
    difference = losses.mean(0) - whole.losses(tables, batch)
    assert float((difference / (losses.std(0) / 20)).abs().max()) < 4.5


def test_beta_rises_linearly_and_stays_at_its_cap() -> None:
    problem = replace(SMALL, beta=0.5, annealing=0.5, epochs=4).problem(planted(), CTX)
    betas = [batch.beta for epoch in range(4) for batch in problem.batches(0, epoch)]
    assert betas == pytest.approx([0.5 * min(1, k / 8) for k in range(16)])


def test_an_epoch_holds_every_user_once_in_another_order_each_time() -> None:
    problem = SMALL.problem(planted(), CTX)
    orders = [[user for batch in problem.batches(0, epoch) for user in batch.users.tolist()] for epoch in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(60))
    assert orders[0] != orders[1]


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    first, again, other = (SMALL.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_20_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(MultiVAE(epochs=20)) >= 0.365
