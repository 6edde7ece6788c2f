"""The implicit gradient is that of finite differences of the retrained objective, as the unrolled one is."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from recbench.contracts import SGD, FitContext, Params, Problem, RelaxedProfiles, unroll
from recbench.data import Interactions
from recbench_plugins.attackers.gradient.implicit import conjugate_gradients, optimum
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

N_USERS, N_ITEMS, TARGET = 20, 12, 0
exact = partial(optimum, seed=3, damping=0.0, iterations=100)


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def problem(weights: Tensor, epochs: int = 150, batch_users: int = 2048) -> Problem:
    """Weighted factorization of planted clicks and two fakes, by plain descent, which ends close to an optimum."""
    held = np.random.default_rng(0).random((N_USERS, N_ITEMS)) < 0.3
    train = Interactions(*np.nonzero(held), N_USERS, N_ITEMS)
    model = WMFSGD(dim=3, alpha=5.0, l2=1.0, scale=0.3, epochs=epochs, batch_users=batch_users)
    made = model.problem(train, FitContext(0), RelaxedProfiles.dense(weights))
    made.optimizer = SGD(lr=0.4, momentum=0.8)
    return made


def start() -> Tensor:
    """Weights [2, N_ITEMS] of the fakes, in [0, 1]."""
    return torch.rand(2, N_ITEMS, generator=torch.Generator().manual_seed(0))


def loss(trained: Callable[[Problem], Params], bound: Problem) -> Tensor:
    scores = bound.scores(bound.encode(trained(bound)), torch.arange(N_USERS))
    return -scores.log_softmax(1)[:, TARGET].mean()


def gradient(trained: Callable[[Problem], Params], epochs: int = 150, batch_users: int = 2048) -> Tensor:
    at = start().requires_grad_()
    return torch.autograd.grad(loss(trained, problem(at, epochs, batch_users)), at)[0]


def test_unrolled_and_implicit_gradients_agree_with_finite_differences_of_the_retrained_objective() -> None:
    retrained = partial(unroll, seed=3, last=0)
    unrolled, implicit = gradient(partial(unroll, seed=3)), gradient(exact)
    for direction in torch.randn(4, 2, N_ITEMS, generator=torch.Generator().manual_seed(1)):
        above, below = (loss(retrained, problem(start() + h * direction)).item() for h in (1e-4, -1e-4))
        slope = (above - below) / 2e-4
        assert abs(slope) > 1e-3
        assert float((unrolled * direction).sum()) == pytest.approx(slope, rel=1e-5)
        assert float((implicit * direction).sum()) == pytest.approx(slope, rel=1e-3)


def test_the_loss_is_that_of_the_training() -> None:
    bound = problem(start())
    assert loss(exact, bound).item() == loss(partial(unroll, seed=3, last=0), bound).item()


def test_batches_are_parts_of_one_objective() -> None:
    """Without an epoch the parameters are the same, whatever the batches."""
    whole, parts = gradient(exact, epochs=0), gradient(exact, epochs=0, batch_users=7)
    assert whole.norm() > 1e-6
    torch.testing.assert_close(parts, whole)


def kept(trained: Callable[[Problem], Params], epochs: int) -> int:
    """Numbers that the graph of a training keeps."""
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        saved[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = trained(problem(start().requires_grad_(), epochs))
    assert result["items"].requires_grad
    return sum(saved.values())


def test_memory_does_not_grow_with_the_epochs_as_it_does_when_they_are_unrolled() -> None:
    assert kept(exact, 40) <= kept(exact, 5) * 1.2
    assert kept(partial(unroll, seed=3), 40) > kept(partial(unroll, seed=3), 5) * 6


def hessian(*eigenvalues: float) -> Tensor:
    turned, _ = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(2)))
    return turned @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ turned.T


VECTOR = torch.tensor([1.0, -2.0, 3.0, 0.5, 0.25], dtype=torch.float64)


def test_conjugate_gradients_solve_in_as_many_steps_as_there_are_dimensions() -> None:
    matrix = hessian(1, 2, 3, 10, 50)
    found = conjugate_gradients(matrix.matmul, VECTOR, 0.0, 5)
    torch.testing.assert_close(found, torch.linalg.solve(matrix, VECTOR))
    shift = 0.1 * float(VECTOR @ matrix @ VECTOR / (VECTOR @ VECTOR))
    damped = conjugate_gradients(matrix.matmul, VECTOR, 0.1, 5)
    torch.testing.assert_close(damped, torch.linalg.solve(matrix + shift * torch.eye(5), VECTOR))


def test_conjugate_gradients_stop_where_there_is_no_slope_and_where_the_curvature_is_not_positive() -> None:
    assert not conjugate_gradients(hessian(1, 2, 3, 10, 50).matmul, torch.zeros(5), 0.0, 5).any()
    torch.testing.assert_close(conjugate_gradients(hessian(-1, -2, -3, -4, -5).matmul, VECTOR, 0.0, 5), VECTOR)
    bent = hessian(-1, 2, 3, 10, 50)
    found = conjugate_gradients(bent.matmul, VECTOR, 0.0, 50)
    assert found.isfinite().all()
    assert found @ VECTOR > 0
