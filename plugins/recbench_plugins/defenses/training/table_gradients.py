"""Gradients at the encoded tables: robust steps need several of them, and pass through `encode` once.

A step that perturbs tables takes a gradient of the losses to find the move, and another one of the losses after it.
What the losses are made of ends at the tables: so both are taken there, and their sum goes on to the parameters.
"""

from __future__ import annotations

from torch import Tensor, autograd, dot

from recbench.contracts import Tables


def detached(tables: Tables) -> dict[str, Tensor]:
    """The tables as leaves, which losses may be differentiated at; those without a gradient stay without one."""
    return {name: table.detach().requires_grad_(table.requires_grad) for name, table in tables.items()}


def gradient(loss: Tensor, tables: Tables, keep: bool = False) -> dict[str, Tensor]:
    """The gradient of a loss at every table that has one; zero where the loss does not touch it.

    Args:
        loss: a scalar.
        tables: what it was computed from.
        keep: whether another gradient of what the loss is made of will be asked for.
    """
    names = [name for name, table in tables.items() if table.requires_grad]
    found = autograd.grad(
        loss, [tables[name] for name in names], retain_graph=keep, allow_unused=True, materialize_grads=True
    )
    return dict(zip(names, found, strict=True))


def carried(value: Tensor, tables: Tables, slopes: Tables) -> Tensor:
    """A scalar of this value, whose gradient at the tables is `slopes`: what a step returns to be descended."""
    linear = sum((dot(tables[name].flatten(), slope.flatten()) for name, slope in slopes.items()), value.new_zeros(()))
    return linear - linear.detach() + value.detach()


def along(slope: Tensor) -> Tensor:
    """The direction of every row of a gradient [n, d]; zero where the row is."""
    direction: Tensor = slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-30)
    return direction
