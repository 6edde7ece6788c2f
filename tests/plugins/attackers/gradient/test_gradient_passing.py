"""Gradients passed along interactions: the closed form on a graph of two nodes, the plain gradient at weight 0, and the
powers of the graph's matrix on planted data."""

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, budget, planted, random_profiles

from recbench.contracts import FitContext, Params, Problem, RecbenchError, RelaxedProfiles, optimize
from recbench.data import Interactions
from recbench_plugins.attackers.gradient.gradient_passing import GradientPassing
from recbench_plugins.recommenders.item_autoencoder import ItemAutoencoder
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

FAKES = RelaxedProfiles.of(random_profiles(budget(4, 6), 0), N_ITEMS)


def _problem(train: Interactions, fakes: RelaxedProfiles | None = None) -> Problem:
    return WMFSGD(dim=3, l2=1.0, epochs=3).problem(train, FitContext(0), fakes)


def _gradients(problem: Problem) -> tuple[Params, Params]:
    params = problem.init(0)
    with torch.no_grad():
        return params, problem.gradients(params, next(problem.batches(0, 0)))


def test_at_weight_0_gradients_are_the_plain_ones_to_the_bit() -> None:
    inner = _problem(planted(), FAKES)
    _, plain = _gradients(inner)
    _, passed = _gradients(GradientPassing(inner, planted(), FAKES, odd=0.0, even=0.0))
    assert all(torch.equal(passed[name], plain[name]) for name in plain)


@pytest.mark.parametrize("apart", [True, False])
def test_a_user_and_an_item_exchange_gradients_by_odd_hops_if_they_drift_apart_and_get_their_own_by_even_ones(
    apart: bool,
) -> None:
    pair = Interactions(np.array([0]), np.array([0]), 1, 1)
    inner = _problem(pair)
    rows = torch.tensor([[1.0, 2.0, -1.0]]), torch.tensor([[0.5, -1.0, 3.0]])
    own = torch.tensor([[0.2, 0.1, 0.4]]), torch.tensor([[1.0, 0.3, -0.2]])
    if not apart:
        own = -own[0], -own[1]
    inner.gradients = lambda params, batch: {"users": own[0], "items": own[1]}  # type: ignore[method-assign]
    assert bool(rows[0].flatten() @ own[1].flatten() + rows[1].flatten() @ own[0].flatten() > 0) == apart
    problem = GradientPassing(inner, pair, hops=2, odd=0.3, even=7.0)
    found = problem.gradients({"users": rows[0], "items": rows[1]}, next(inner.batches(0, 0)))
    for name, mine, theirs in (("users", *own), ("items", own[1], own[0])):
        torch.testing.assert_close(found[name], mine + 2 * 0.3 * apart * theirs + 2 * 7.0 * mine)


def test_even_hops_are_even_powers_of_the_normalized_graph_of_genuine_users_and_fakes() -> None:
    inner = _problem(planted(), FAKES)
    _, own = _gradients(inner)
    _, found = _gradients(GradientPassing(inner, planted(), FAKES, hops=1, odd=0.0, even=2.0))
    held = np.concatenate([planted().csr.toarray() > 0, FAKES.matrix().numpy() > 0])
    graph = np.zeros((len(held) + N_ITEMS,) * 2)
    graph[: len(held), len(held) :] = held
    graph += graph.T
    roots = np.sqrt(np.maximum(graph.sum(1), 1))
    graph /= np.outer(roots, roots)
    stacked = torch.cat([own["users"], own["items"]]).double()
    expected = stacked + 2.0 * torch.tensor(graph @ graph) @ stacked
    torch.testing.assert_close(torch.cat([found["users"], found["items"]]).double(), expected, rtol=1e-4, atol=1e-5)


def test_entries_that_a_fake_holds_by_less_than_a_half_are_no_edges() -> None:
    weights = torch.where(torch.arange(N_ITEMS) < 5, 0.9, 0.2).repeat(2, 1)
    inner = _problem(planted(), RelaxedProfiles.dense(weights))
    problem = GradientPassing(inner, planted(), RelaxedProfiles.dense(weights))
    assert len(problem.edges.cols) == len(planted()) + 10
    assert problem.edges.cols[-5:].tolist() == [0, 1, 2, 3, 4]
    assert problem.edges.shape == (planted().n_users + 2, N_ITEMS)


def test_a_training_goes_on_as_its_problem_says() -> None:
    inner = _problem(planted(), FAKES)
    plain = optimize(inner, FitContext(1))
    same = optimize(GradientPassing(inner, planted(), FAKES, odd=0.0, even=0.0), FitContext(1))
    other = optimize(GradientPassing(inner, planted(), FAKES), FitContext(1))
    assert all(torch.equal(plain[name], same[name]) for name in plain)
    assert not torch.allclose(plain["items"], other["items"])


def test_a_surrogate_without_rows_of_users_and_items_is_refused() -> None:
    inner = ItemAutoencoder(epochs=1).problem(planted(), FitContext(0))
    with pytest.raises(RecbenchError, match="this surrogate has none"):
        _gradients(GradientPassing(inner, planted()))
