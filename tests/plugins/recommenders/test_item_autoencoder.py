"""ItemAE: its loss is that of the paper on the dense matrix, and it learns."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import planted
from numpy.typing import NDArray

from recbench.contracts import FitContext, Params, Recommender, RelaxedProfiles, mean_loss, torch_rng
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.item_autoencoder import ItemAutoencoder

SMALL = ItemAutoencoder(hidden=8, bottleneck=4, alpha=20.0, lr=0.02, l2=3.0, epochs=4)
CTX = FitContext(seed=0)


def _drawn(params: Params) -> Params:
    """Parameters without structure; a fresh initialization has no biases."""
    return {name: torch.randn(table.shape, generator=torch_rng(3, name)) for name, table in params.items()}


def _outputs(params: Params, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The reconstruction [n_items, n_users] of items' columns of users, layer by layer."""
    p = {name: table.double().numpy() for name, table in params.items()}
    code = np.tanh(columns @ p["encoder"] + p["encoder-bias"])
    code = np.tanh(code @ p["inward"] + p["inward-bias"])
    code = np.tanh(code @ p["outward"] + p["outward-bias"])
    outputs: NDArray[np.float64] = code @ p["decoder"].T + p["decoder-bias"].T
    return outputs


def test_scores_are_the_outputs_for_the_columns_of_the_items(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    scores = problem.scores(problem.encode(params), torch.tensor([3, 49, 0]))
    expected = _outputs(params, small.csr.toarray().T.astype(np.float64)).T[[3, 49, 0]]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)


def test_the_loss_of_each_user_is_the_weighted_squared_error_over_the_whole_catalogue(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    (batch,) = problem.batches(seed=0, epoch=0)
    x = small.csr.toarray().astype(np.float64)
    expected = (np.where(x > 0, 20.0, 1.0) * (x - _outputs(params, x.T).T) ** 2).sum(1)
    np.testing.assert_allclose(problem.losses(problem.encode(params), batch), expected, rtol=1e-4)


def test_relaxed_fakes_enter_the_input_and_between_0_and_1_the_loss_is_smooth() -> None:
    data = planted(n_users=12)
    weights = torch.rand(3, data.n_items, generator=torch_rng(2))
    problem = SMALL.problem(data, CTX, RelaxedProfiles.dense(weights))
    params = _drawn(problem.init(0))
    (batch,) = problem.batches(seed=0, epoch=0)
    w = np.concatenate([data.csr.toarray(), weights.numpy()]).astype(np.float64)
    outputs = _outputs(params, w.T).T
    confidence = 1 + 19 * w**2 * (3 - 2 * w)
    expected = (confidence * outputs**2 - 40 * w * outputs + 20 * w).sum(1)
    np.testing.assert_allclose(problem.losses(problem.encode(params), batch), expected, rtol=1e-4)


def test_the_penalty_weighs_the_squares_of_all_but_biases_beside_the_loss_summed_over_users(
    small: Interactions,
) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    (batch,) = problem.batches(seed=0, epoch=0)
    tables = [params[name] for name in ("encoder", "inward", "outward", "decoder")]
    squares = sum(float((table**2).sum()) for table in tables)
    assert 50 * float(problem.penalty(params, batch)) == pytest.approx(3.0 * squares, rel=1e-5)
    without = replace(SMALL, l2=0.0).problem(small, CTX)
    difference = mean_loss(problem, params, batch) - mean_loss(without, params, batch)
    assert float(difference) == pytest.approx(3.0 * squares / 50, rel=1e-4)


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    first, again, other = (SMALL.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_105_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(ItemAutoencoder(epochs=105)) >= 0.41
