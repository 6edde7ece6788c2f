"""What a watched training is seen to wait for."""

from __future__ import annotations

import torch

from recbench.conformance.waits import Waits, waiting

STEPS = 5


def trained(reads: bool) -> Waits:
    """A training that reads a number before its first step and after its last, and perhaps at every step."""
    weight = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    with waiting() as waits:
        weight.sum().item()
        for _ in range(STEPS):
            loss = (weight**2).sum()
            (weight.grad,) = torch.autograd.grad(loss, [weight])
            if reads:
                loss.item()
            optimizer.step()
        (weight > 0).nonzero()
    return waits


def test_what_is_read_at_every_step_is_counted_between_the_first_and_the_last() -> None:
    waits = trained(reads=True)
    assert waits.between == ["_local_scalar_dense"] * (STEPS - 1)
    assert waits.gradients == STEPS - 1


def test_what_is_read_before_and_after_the_training_belongs_to_no_step() -> None:
    waits = trained(reads=False)
    assert waits.between == []
    assert waits.gradients == STEPS - 1
    assert waits.all == ["_local_scalar_dense", "nonzero"]


def test_a_gradient_counts_once_where_a_default_device_is_set() -> None:
    with torch.device("cpu"):
        assert trained(reads=False).gradients == STEPS - 1


def test_nobody_is_watched_afterwards() -> None:
    grad, backward = torch.autograd.grad, torch.autograd.backward
    waits = trained(reads=True)
    before = list(waits.all)
    torch.ones(1).item()
    assert (torch.autograd.grad, torch.autograd.backward) == (grad, backward)
    assert waits.all == before


def test_a_gradient_by_backward_counts_too() -> None:
    weight = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    with waiting() as waits:
        for _ in range(2):
            weight.sum().backward()
            optimizer.step()
    assert waits.gradients == 1
