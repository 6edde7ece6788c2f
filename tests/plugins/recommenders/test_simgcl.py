"""SimGCL: its rows and its views are those of dense matrices, its contrast that of hand, and it learns."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import planted
from numpy.typing import NDArray
from scipy.special import log_softmax

from recbench.contracts import FitContext, Recommender, torch_rng
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.lightgcn import LightGCN
from recbench_plugins.recommenders.simgcl import SimGCL, SimGCLProblem

SMALL = SimGCL(dim=6, layers=2, contrast=0.3, lr=0.05, l2=0.02, epochs=4, batch_size=64)
CTX = FitContext(seed=0)


def _propagated(
    problem: SimGCLProblem, data: Interactions, seed: int | None = None, view: int = 0
) -> NDArray[np.float64]:
    """The mean of the layers after the first of all nodes, each moved by the noise of a view, if there is a seed."""
    x = data.csr.toarray().astype(np.float64)
    n, m = x.shape
    adjacency = np.block([[np.zeros((n, n)), x], [x.T, np.zeros((m, m))]])
    root = np.diag(1 / np.sqrt(np.maximum(adjacency.sum(1), 1)))
    params = problem.init(0)
    rows, layers = torch.cat([params["users"], params["items"]]).double().numpy(), []
    rng = torch_rng(seed or 0, "noise", view)
    for _ in range(SMALL.layers):
        rows = root @ adjacency @ root @ rows
        if seed is not None:
            drawn = np.concatenate([torch.rand(size, SMALL.dim, generator=rng).double().numpy() for size in (n, m)])
            rows = rows + np.sign(rows) * SMALL.noise * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        layers.append(rows)
    mean: NDArray[np.float64] = np.mean(layers, axis=0)
    return mean


def test_rows_are_the_mean_of_the_layers_without_the_initial_rows(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    tables, expected = problem.encode(problem.init(0)), _propagated(problem, small)
    np.testing.assert_allclose(tables["users"], expected[:50], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tables["items"], expected[50:], rtol=1e-4, atol=1e-6)


def test_the_contrast_is_that_of_hand_and_its_mean_that_over_distinct_rows(small: Interactions) -> None:
    problem = replace(SMALL, temperature=0.2).problem(small, CTX)
    one, other = torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.6, 0.8], [0.0, 5.0]])
    # Cosines: .6 and 0 of the first row, .8 and 1 of the second; their distances are 3 and 1 temperatures.
    first, second = math.log(1 + math.exp(-3)), math.log(1 + math.exp(-1))
    found = problem.contrast(torch.tensor([0, 1, 0]), one, other)
    torch.testing.assert_close(found, torch.tensor([0.75 * first, 1.5 * second, 0.75 * first]))
    torch.testing.assert_close(found.mean(), torch.tensor((first + second) / 2))


def test_the_loss_is_that_of_lightgcn_and_the_contrast_of_two_noisy_propagations(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    batch = next(iter(problem.batches(0, 0)))
    tables = problem.encode(problem.init(0))
    views = [_propagated(problem, small, batch.seed, view) for view in (0, 1)]
    views = [view / np.maximum(np.linalg.norm(view, axis=1, keepdims=True), 1e-12) for view in views]
    contrast = 0.0
    for rows in (np.unique(batch.users), 50 + np.unique(batch.positives)):
        cosines = views[0][rows] @ views[1][rows].T
        contrast -= np.diag(log_softmax(cosines / SMALL.temperature, axis=1)).mean()
    plain = LightGCN(dim=6, batch_size=64).problem(small, CTX).losses(tables, batch)
    expected = float(plain.mean()) + SMALL.contrast * contrast
    assert float(problem.losses(tables, batch).mean()) == pytest.approx(expected, rel=1e-5)


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    first, again, other = (SMALL.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_4_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(SimGCL(epochs=4)) >= 0.35


def test_what_is_kept_of_a_fitted_model_are_the_rows_that_score(small: Interactions) -> None:
    state = SMALL.fit(small, CTX).state()
    assert state.keys() == {"users", "items"}
    assert state["users"].shape == (small.n_users, SMALL.dim)
