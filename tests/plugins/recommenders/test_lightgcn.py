"""LightGCN: its rows are those of powers of the dense normalized adjacency, and it learns."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from contracts.planted import planted
from numpy.typing import NDArray

from recbench.contracts import Adam, FitContext, Recommender, RelaxedProfiles, torch_rng
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.lightgcn import LightGCN, LightGCNProblem

SMALL = LightGCN(dim=6, layers=3, lr=0.05, l2=0.02, epochs=4, batch_size=64)
CTX = FitContext(seed=0)


def _propagated(x: NDArray[np.float64], rows: NDArray[np.float64], layers: int) -> NDArray[np.float64]:
    """The mean of the powers of the normalized adjacency of all nodes, applied to their rows."""
    n, m = x.shape
    adjacency = np.block([[np.zeros((n, n)), x], [x.T, np.zeros((m, m))]])
    root = np.diag(1 / np.sqrt(np.maximum(adjacency.sum(1), 1)))
    powers = [np.linalg.matrix_power(root @ adjacency @ root, k) for k in range(layers + 1)]
    mean: NDArray[np.float64] = np.mean([power @ rows for power in powers], axis=0)
    return mean


@pytest.mark.parametrize("layers", [0, 1, 3], ids=["no layer", "one layer", "three layers"])
def test_tables_are_the_mean_of_the_powers_of_the_normalized_adjacency(small: Interactions, layers: int) -> None:
    problem = LightGCN(dim=6, layers=layers).problem(small, CTX)
    params = problem.init(0)
    tables = problem.encode(params)
    rows = torch.cat([params["users"], params["items"]]).double().numpy()
    expected = _propagated(small.csr.toarray().astype(np.float64), rows, layers)
    np.testing.assert_allclose(tables["users"], expected[:50], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tables["items"], expected[50:], rtol=1e-4, atol=1e-6)
    scores = problem.scores(tables, torch.tensor([3, 49]))
    np.testing.assert_allclose(scores, expected[[3, 49]] @ expected[50:].T, rtol=1e-3, atol=1e-5)


def test_relaxed_fakes_are_edges_of_their_weight() -> None:
    data = planted(n_users=12)
    weights = torch.rand(3, data.n_items, generator=torch_rng(2))
    problem = SMALL.problem(data, CTX, RelaxedProfiles.dense(weights))
    params = problem.init(0)
    x = np.concatenate([data.csr.toarray(), weights.numpy()]).astype(np.float64)
    expected = _propagated(x, torch.cat([params["users"], params["items"]]).double().numpy(), 3)
    np.testing.assert_allclose(problem.encode(params)["items"], expected[15:], rtol=1e-4, atol=1e-6)


def test_fakes_of_weight_zero_leave_the_rows_of_others_alone_and_their_gradient_is_bounded() -> None:
    data = planted(n_users=12)
    weights = torch.zeros(3, data.n_items, requires_grad=True)
    problem = SMALL.problem(data, CTX, RelaxedProfiles.dense(weights))
    params = problem.init(0)
    tables = problem.encode(params)
    clean = SMALL.problem(data, CTX).encode({**params, "users": params["users"][:12]})
    torch.testing.assert_close(tables["items"], clean["items"])
    torch.testing.assert_close(tables["users"][:12], clean["users"])
    (gradient,) = torch.autograd.grad(problem.scores(tables, torch.arange(12))[:, 3].sum(), weights)
    assert 0 < float(gradient.abs().max()) < 10


def test_the_loss_is_that_of_bpr_and_the_penalty_that_of_the_rows_before_propagation(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = problem.init(0)
    batch = next(iter(problem.batches(0, 0)))
    tables = problem.encode(params)
    scores = problem.scores(tables, batch.users)
    each = torch.arange(len(batch.users))
    margins = scores[each, batch.positives] - scores[each, batch.negatives]
    torch.testing.assert_close(problem.losses(tables, batch), -margins.sigmoid().log())
    rows = [params["users"][batch.users], params["items"][batch.positives], params["items"][batch.negatives]]
    expected = 0.02 / 2 * sum((row**2).sum() for row in rows) / len(batch.users)
    torch.testing.assert_close(problem.penalty(params, batch), expected)


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    first, again, other = (SMALL.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_12_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(LightGCN(epochs=12)) >= 0.37


def test_the_defaults_are_smaller_where_there_are_more_interactions_than_a_hundred_thousand() -> None:
    def settings(n_users: int) -> tuple[float, float]:
        users, items = np.divmod(np.arange(n_users * 100), 100)
        problem = LightGCN(dim=1).problem(Interactions(users, items, n_users, 100), CTX)
        assert isinstance(problem, LightGCNProblem)
        assert isinstance(problem.optimizer, Adam)
        return problem.optimizer.lr, problem.l2

    assert settings(300) == settings(1000) == (0.05, 0.002)
    assert settings(4000) == pytest.approx((0.05 / 4**0.8, 0.002 / 4**0.8))
    named = LightGCN(lr=0.3, l2=0.7).problem(Interactions(*np.divmod(np.arange(400_000), 100), 4000, 100), CTX)
    assert (named.optimizer.lr, named.l2) == (0.3, 0.7)  # type: ignore[attr-defined]
