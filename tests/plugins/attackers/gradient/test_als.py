"""Half-steps of alternating least squares: what they minimize, and their gradient in the fakes."""

import numpy as np
import pytest
import torch
from torch import Tensor

from recbench.data import Interactions
from recbench_plugins.attackers.gradient.als import ALS, Fakes

ALPHA, L2 = 4.0, 0.7


def clicks(n_users: int = 12, n_items: int = 9) -> np.ndarray:
    return np.random.default_rng(0).random((n_users, n_items)) < 0.35


def data(rows: np.ndarray, rated: bool) -> Interactions:
    users, items = np.nonzero(rows)
    ratings = np.random.default_rng(1).integers(1, 6, len(users)).astype(np.float32) if rated else None
    return Interactions(users.astype(np.int32), items.astype(np.int32), *rows.shape, ratings)


def double(als: ALS) -> ALS:
    return ALS(als.genuine, als.pulls.double(), als.weight, als.everywhere, als.l2)


def model(rated: bool) -> tuple[ALS, Interactions]:
    train = data(clicks(), rated)
    return double(ALS.of_ratings(train, 3.0, L2, "cpu") if rated else ALS.of_clicks(train, ALPHA, L2, "cpu")), train


def some_fakes(rated: bool) -> Fakes:
    held = torch.tensor(clicks(3), dtype=torch.float64)
    values = torch.tensor(np.random.default_rng(2).integers(-2, 3, held.shape)) if rated else ALPHA
    return Fakes(held, held * values)


def objective(rated: bool, train: Interactions, users: Tensor, items: Tensor) -> Tensor:
    """What is minimized, from its definition: no identity, no sparse pattern."""
    fakes = some_fakes(rated)
    scores = users @ items.T
    if rated:
        targets = torch.tensor(train.ratings_csr.toarray(), dtype=torch.float64) - 3.0
        held = torch.tensor(train.csr.toarray(), dtype=torch.float64)
        targets, held = torch.cat([targets, fakes.pulls]), torch.cat([held, fakes.held])
        error = (held * (targets - scores) ** 2).sum()
    else:
        x = torch.cat([torch.tensor(train.csr.toarray(), dtype=torch.float64), fakes.held])
        error = ((1 + (ALPHA - 1) * x) * (x - scores) ** 2).sum()
    return error + L2 * ((users**2).sum() + (items**2).sum())


@pytest.mark.parametrize("rated", [False, True], ids=["clicks", "ratings"])
def test_each_half_step_is_a_stationary_point_of_the_objective_in_its_side(rated: bool) -> None:
    als, train = model(rated)
    items = als.start(3, 0).double()
    users, fake_users = als.users(items), als.fakes(items, some_fakes(rated))
    both = torch.cat([users, fake_users]).requires_grad_()
    (slope,) = torch.autograd.grad(objective(rated, train, both, items), both)
    assert slope.abs().max() < 1e-9
    items = als.items(users, some_fakes(rated), fake_users).requires_grad_()
    (slope,) = torch.autograd.grad(objective(rated, train, both.detach(), items), items)
    assert slope.abs().max() < 1e-9


@pytest.mark.parametrize("rated", [False, True], ids=["clicks", "ratings"])
def test_training_goes_downhill_to_a_fixed_point(rated: bool) -> None:
    als, train = model(rated)
    values = []
    for sweeps in (1, 5, 300, 301):
        users, fake_users, items = als.trained(als.start(3, 0).double(), some_fakes(rated), sweeps)
        values.append(float(objective(rated, train, torch.cat([users, fake_users]), items)))
    assert values[0] > values[1] > values[2]
    assert values[3] == pytest.approx(values[2], rel=1e-9)


@pytest.mark.parametrize("rated", [False, True], ids=["clicks", "ratings"])
def test_with_users_fixed_an_entry_moves_its_own_item_by_the_closed_form(rated: bool) -> None:
    """Li et al., eq. 10: dq_j / dx_fj = A_j^-1 p_f, with A_j of all users, genuine and fake, who hold item j."""
    als, train = model(rated)
    fakes = some_fakes(rated)
    users, fake_users, _ = als.trained(als.start(3, 0).double(), fakes, 3)
    towards = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pulls = fakes.pulls.clone().requires_grad_()
    (found,) = torch.autograd.grad(als.items(users, Fakes(fakes.held, pulls), fake_users), pulls, towards)
    everyone = torch.cat([users, fake_users])
    held = torch.cat([torch.tensor(train.csr.toarray(), dtype=torch.float64), fakes.held])
    for j in range(9):
        own = everyone[held[:, j] > 0]
        matrix = als.weight * own.T @ own + als.everywhere * everyone.T @ everyone + L2 * torch.eye(3)
        torch.testing.assert_close(found[:, j], fake_users @ torch.linalg.solve(matrix, towards[j]))


@pytest.mark.parametrize("rated", [False, True], ids=["clicks", "ratings"])
def test_the_gradient_through_both_half_steps_is_that_of_finite_differences(rated: bool) -> None:
    als, _ = model(rated)
    fakes = some_fakes(rated)
    users, _, items = als.trained(als.start(3, 0).double(), fakes, 2)
    items = items.detach()

    def moved(pulls: Tensor) -> Tensor:
        given = Fakes(fakes.held, pulls)
        return als.items(users, given, als.fakes(items, given))

    assert torch.autograd.gradcheck(moved, (fakes.pulls.clone().requires_grad_(),), atol=1e-6)
