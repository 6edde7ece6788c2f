"""What can be seen of a plugin's training from outside, who is given gradient and who moves, and what it is without.

Every step of a torch optimizer passes through a hook of torch's own, and every call of `torch.autograd.grad`
through a wrapper for as long as one watches. A training that uses neither cannot be seen, and a gradient that comes
from neither `torch.autograd.grad` nor `backward` cannot be withheld.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook


@dataclass(eq=False)
class Part:
    """One tensor that an optimizer steps."""

    tensor: Tensor
    start: Tensor
    graded: bool = False
    moved: bool = False

    def look(self) -> None:
        """Note whether it has moved, and whether it is given a gradient now."""
        self.moved = self.moved or not torch.equal(self.tensor, self.start)
        self.graded = self.graded or (self.tensor.grad is not None and bool(self.tensor.grad.any()))


@dataclass(eq=False)
class Watch:
    """What was seen.

    Args:
        optimizers: the tensors of each optimizer that stepped; kept alive, so no id is given twice.
        asked: where `torch.autograd.grad` was called, as "file:line", and whether a gradient ever came.
    """

    optimizers: dict[torch.optim.Optimizer, dict[int, Part]] = field(default_factory=dict)
    asked: dict[str, bool] = field(default_factory=dict)

    def stepping(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """The hook: before every step of any optimizer."""
        parts = self.optimizers.setdefault(optimizer, {})
        for tensor in (tensor for group in optimizer.param_groups for tensor in group["params"]):
            if id(tensor) not in parts:
                parts[id(tensor)] = Part(tensor, tensor.detach().clone())
            parts[id(tensor)].look()

    def idle(self) -> list[str]:
        """What was to be trained and was not, in words.

        Of a tensor with one dimension alone nothing is asked: a critic's loss is a difference of scores, so
        the bias of its last layer rightly has no gradient.
        """
        found = []
        for optimizer, parts in self.optimizers.items():
            for part in parts.values():
                part.moved = part.moved or not torch.equal(part.tensor, part.start)
            live = [part for part in parts.values() if part.graded and part.moved]
            idle = [part for part in parts.values() if not (part.graded and part.moved) and part.tensor.dim() > 1]
            for part in idle or ([] if live else parts.values()):
                what = "moved" if part.graded else "was given a gradient"
                found.append(f"a tensor {list(part.tensor.shape)} that {type(optimizer).__name__} steps never {what}")
        return found + [
            f"the gradient asked for at {place} was always zero" for place, came in self.asked.items() if not came
        ]


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch all training until the block ends."""
    watch = Watch()
    grad = torch.autograd.grad

    def asking(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        place = f"{caller.f_code.co_filename}:{caller.f_lineno}"
        found = grad(*args, **kwargs)
        watch.asked[place] = watch.asked.get(place, False) or any(g is not None and bool(g.any()) for g in found)
        return found

    handle = register_optimizer_step_pre_hook(watch.stepping)
    torch.autograd.grad = asking
    try:
        yield watch
    finally:
        torch.autograd.grad = grad
        handle.remove()


@dataclass(eq=False)
class Withheld:
    """How often a gradient was asked for that did not come."""

    times: int = 0


@contextmanager
def withholding() -> Iterator[Withheld]:
    """Let every gradient be zero until the block ends: what trains by torch stays what it was drawn as.

    Zero and not None, so that code which reads a gradient, or hands it to an optimizer, goes on as it would.
    """
    withheld = Withheld()
    grad, backward = torch.autograd.grad, torch.autograd.backward

    def nothing(outputs: Any, inputs: Any, *_: Any, **__: Any) -> tuple[Tensor, ...]:
        withheld.times += 1
        return tuple(torch.zeros_like(each) for each in ([inputs] if isinstance(inputs, Tensor) else inputs))

    def nowhere(tensors: Any, *_: Any, inputs: Any = None, **__: Any) -> None:
        withheld.times += 1
        asked = leaves([tensors] if isinstance(tensors, Tensor) else tensors) if inputs is None else inputs
        for leaf in [asked] if isinstance(asked, Tensor) else asked:
            leaf.grad = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad

    torch.autograd.grad, torch.autograd.backward = nothing, nowhere  # type: ignore[assignment]
    try:
        yield withheld
    finally:
        torch.autograd.grad, torch.autograd.backward = grad, backward


def leaves(tensors: Iterable[Tensor]) -> list[Tensor]:
    """The tensors to which a gradient of these would flow."""
    nodes: list[Any] = [tensor.grad_fn for tensor in tensors]
    found, met = [], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in met:
            continue
        met.add(node)
        if hasattr(node, "variable"):  # where torch accumulates the gradient of a leaf
            found.append(node.variable)
        nodes.extend(before for before, _ in node.next_functions)
    return found
