"""The pure optimizers are the library's, and can be differentiated through."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recbench.contracts import SGD, Adagrad, Adam, Optimizer, torch_rng

OPTIMIZERS = [SGD(0.1), SGD(0.1, momentum=0.9), Adagrad(0.1), Adam(0.01), Adam(0.05, beta1=0.5, beta2=0.9, eps=1e-4)]
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)


def _start(dtype: torch.dtype) -> dict[str, Tensor]:
    return {
        name: torch.randn(shape, generator=torch_rng(0, name), dtype=torch.float64).to(dtype)
        for name, shape in (("users", (7, 3)), ("bias", (5,)))
    }


def _gradients(step: int, like: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    """A third of the rows gets no gradient in a step, as where a batch leaves rows out."""
    grads = {}
    for name, value in like.items():
        rng = torch_rng(step, name)
        draw = torch.randn(value.shape, generator=rng, dtype=torch.float64) * scale
        draw[torch.rand(len(value), generator=rng) < 1 / 3] = 0
        grads[name] = draw.to(value)
    return grads


@optimizers
@pytest.mark.parametrize("scale", [1.0, 1e-7], ids=["ordinary", "tiny"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_pure_steps_equal_the_librarys_steps(optimizer: Optimizer, scale: float, dtype: torch.dtype) -> None:
    pure = _start(dtype)
    state = optimizer.init(pure)
    library = {name: value.clone().requires_grad_() for name, value in pure.items()}
    stepper = optimizer.torch(library.values())
    for step in range(8):
        grads = _gradients(step, pure, scale)
        pure, state = optimizer.update(pure, grads, state)
        for name, value in library.items():
            value.grad = grads[name].clone()
        stepper.step()
    for name in pure:
        torch.testing.assert_close(pure[name], library[name].detach(), rtol=1e-6, atol=1e-6 if scale == 1 else 1e-8)


@pytest.mark.parametrize("scale", [1.0, 1e-7], ids=["ordinary", "tiny"])
def test_a_step_on_the_rows_with_a_gradient_is_the_step_on_whole_tables(scale: float) -> None:
    optimizer = Adagrad(0.1)
    by_rows = _start(torch.float64)
    whole = {name: value.clone() for name, value in by_rows.items()}
    by_rows_state, state = optimizer.init(by_rows), optimizer.init(whole)
    for step in range(8):
        grads = _gradients(step, whole, scale)
        rows = {name: grad.reshape(len(grad), -1).any(1).nonzero().squeeze(1) for name, grad in grads.items()}
        whole, state = optimizer.update(whole, grads, state)
        optimizer.update_rows(by_rows, {name: grads[name][at] for name, at in rows.items()}, by_rows_state, rows)
    for name in whole:
        torch.testing.assert_close(by_rows[name], whole[name], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(by_rows_state["squares"][name], state["squares"][name])


@optimizers
def test_a_pure_step_changes_nothing_in_place(optimizer: Optimizer) -> None:
    params = _start(torch.float64)
    state = optimizer.init(params)
    grads = _gradients(0, params, 1.0)
    kept = [value.clone() for value in (*params.values(), *grads.values())]
    once, _ = optimizer.update(params, grads, state)
    again, _ = optimizer.update(params, grads, state)
    assert all(torch.equal(now, then) for now, then in zip((*params.values(), *grads.values()), kept, strict=True))
    assert all(torch.equal(once[name], again[name]) for name in once)


@optimizers
def test_the_derivative_through_several_steps_is_right(optimizer: Optimizer) -> None:
    base = _gradients(1, {"table": torch.zeros(6, 2, dtype=torch.float64)}, 1.0)["table"] + 0.1

    def after(direction: Tensor) -> Tensor:
        params = {"table": torch.ones(6, 2, dtype=torch.float64)}
        state = optimizer.init(params)
        for step in range(3):
            params, state = optimizer.update(params, {"table": direction * (step + 1) + base}, state)
        return params["table"]

    assert torch.autograd.gradcheck(after, (torch.full((6, 2), 0.3, dtype=torch.float64, requires_grad=True),))


@optimizers
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_derivative_is_finite_where_the_gradient_is_zero(optimizer: Optimizer, dtype: torch.dtype) -> None:
    params = {"table": torch.ones(3, dtype=dtype)}
    grads = {"table": torch.zeros(3, dtype=dtype, requires_grad=True)}
    state = optimizer.init(params)
    for _ in range(3):
        params, state = optimizer.update(params, grads, state)
    params["table"].sum().backward()
    assert grads["table"].grad is not None
    assert torch.isfinite(grads["table"].grad).all()
