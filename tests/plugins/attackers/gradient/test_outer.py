"""The outer optimizers: each the rule that it is named after, on gradients whose rows are scaled to length 1."""

import pytest
import torch
from torch import Tensor

from recbench.contracts import torch_rng
from recbench_plugins.attackers.gradient.outer import LBFGS, MEMORY, Descent, of_length_one

M, N = 4, 6


def _gradients(count: int = 5) -> list[Tensor]:
    rng = torch_rng(0, "gradients")
    return [torch.randn(M, N, generator=rng) for _ in range(count)]


def _start() -> Tensor:
    return torch.rand(M, N, generator=torch_rng(1, "start"))


@pytest.mark.parametrize(("optimizer", "kept"), [("momentum", 0.9), ("ascent", 0.0)])
def test_momentum_and_plain_ascent_are_to_the_bit_what_they_say(optimizer: str, kept: float) -> None:
    descent, values, expected, velocity = Descent(optimizer, 0.7, 0.9), _start(), _start(), torch.zeros(M, N)
    for gradient in _gradients():
        velocity = kept * velocity + gradient / (gradient.norm(dim=1, keepdim=True) + 1e-12)
        expected = expected - 0.7 * velocity
        values = descent.step(values, gradient)
        assert torch.equal(values, expected)


def test_adam_is_the_librarys() -> None:
    descent, values, expected = Descent("adam", 0.1, 0.9), _start(), _start()
    library = torch.optim.Adam([expected], lr=0.1)
    for gradient in _gradients():
        expected.grad = of_length_one(gradient)
        library.step()
        values = descent.step(values, gradient)
    torch.testing.assert_close(values, expected)


def test_values_may_be_changed_between_two_steps() -> None:
    first, second = (Descent("momentum", 1.0, 0.5) for _ in range(2))
    one, other = _gradients(2)
    moved = first.step(first.step(_start(), one), other) - first.step(_start(), one)
    assert moved.isfinite().all()
    second.step(_start(), one)
    projected = torch.zeros(M, N)
    assert torch.equal(second.step(projected, other), -(0.5 * of_length_one(one) + of_length_one(other)))


def _remembered(curvature: Tensor, points: int) -> tuple[LBFGS, list[Tensor]]:
    rng, lbfgs = torch_rng(2, "points"), LBFGS()
    seen = [torch.randn(M, N, generator=rng) for _ in range(points)]
    for point in seen:
        lbfgs.remember(point, curvature * point)
    return lbfgs, seen


def test_l_bfgs_keeps_the_secant_equation_and_points_uphill() -> None:
    curvature = torch.logspace(-2, 2, M * N).reshape(M, N)
    lbfgs, seen = _remembered(curvature, 5)
    step = seen[-1] - seen[-2]
    torch.testing.assert_close(lbfgs.product(curvature * step), step, rtol=1e-3, atol=1e-4)
    for gradient in _gradients():
        assert (lbfgs.product(gradient) * gradient).sum() > 0


def test_l_bfgs_knows_the_curvature_where_it_is_the_same_everywhere_and_forgets_what_is_old() -> None:
    lbfgs, _ = _remembered(torch.full((M, N), 8.0), MEMORY + 5)
    (gradient,) = _gradients(1)
    torch.testing.assert_close(lbfgs.product(gradient), gradient / 8, rtol=1e-3, atol=1e-5)
    assert len(lbfgs._steps) == MEMORY


def test_l_bfgs_is_the_gradient_at_first_and_forgets_steps_along_which_the_slope_falls() -> None:
    (gradient,) = _gradients(1)
    assert torch.equal(LBFGS().product(gradient), gradient)
    bent, _ = _remembered(torch.full((M, N), -3.0), 4)
    assert torch.equal(bent.product(gradient), gradient)
    descent = Descent("l-bfgs", 0.5, 0.9)
    torch.testing.assert_close(descent.step(_start(), gradient), _start() - 0.5 * of_length_one(gradient))
