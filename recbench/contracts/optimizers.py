"""Optimizers as data: one description for plain training and for training that is differentiated through.

`torch(tensors)` gives the library's optimizer. `init` and `update` are the same rule as a pure function
of parameters, gradients and state, so that `unroll` can keep the graph of the whole training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    Tensors = dict[str, Tensor]
    State = dict[str, Any]

TINY = 1e-30
"""Inside roots, where the library has none: the derivative of a root at 0 is infinite. Far below `eps`
squared, so that small gradients step as they do in the library."""


class Optimizer(Protocol):
    """What a `Problem` says about its optimizer."""

    def torch(self, tensors: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The library's optimizer over `tensors`."""

    def init(self, params: Mapping[str, Tensor]) -> State:
        """The state before the first step."""

    def update(self, params: Mapping[str, Tensor], grads: Mapping[str, Tensor], state: State) -> tuple[Tensors, State]:
        """One step: new parameters and new state; nothing is changed in place."""


def _zeros(params: Mapping[str, Tensor]) -> Tensors:
    return {name: torch.zeros_like(value) for name, value in params.items()}


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum."""

    lr: float
    momentum: float = 0.0

    def torch(self, tensors: Iterable[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.SGD(tensors, lr=self.lr, momentum=self.momentum)

    def init(self, params: Mapping[str, Tensor]) -> State:
        return {"velocity": _zeros(params)}

    def update(self, params: Mapping[str, Tensor], grads: Mapping[str, Tensor], state: State) -> tuple[Tensors, State]:
        velocity = {name: self.momentum * state["velocity"][name] + grads[name] for name in params}
        return {name: params[name] - self.lr * velocity[name] for name in params}, {"velocity": velocity}


@dataclass(frozen=True)
class Adagrad:
    """Duchi, Hazan, Singer, "Adaptive subgradient methods", JMLR 2011."""

    lr: float
    eps: float = 1e-10

    def torch(self, tensors: Iterable[Tensor]) -> torch.optim.Optimizer:
        tensors = list(tensors)
        return torch.optim.Adagrad(tensors, lr=self.lr, eps=self.eps, fused=_fused(tensors))

    def init(self, params: Mapping[str, Tensor]) -> State:
        return {"squares": _zeros(params)}

    def update(self, params: Mapping[str, Tensor], grads: Mapping[str, Tensor], state: State) -> tuple[Tensors, State]:
        squares = {name: state["squares"][name] + grads[name] ** 2 for name in params}
        new = {
            name: params[name] - self.lr * grads[name] / ((squares[name] + TINY).sqrt() + self.eps) for name in params
        }
        return new, {"squares": squares}

    def update_rows(
        self, params: Mapping[str, Tensor], grads: Mapping[str, Tensor], state: State, rows: Mapping[str, Tensor]
    ) -> None:
        """One step in place where only some rows have a gradient: the others stay as they are, which is the same rule.

        Args:
            params: tables [n, d].
            grads: of the rows, [r, d].
            state: of `init`.
            rows: int64 [r], distinct rows of each table.
        """
        for name, at in rows.items():
            squares = state["squares"][name]
            known = squares.index_select(0, at).addcmul_(grads[name], grads[name])
            squares.index_copy_(0, at, known)
            params[name].index_add_(0, at, grads[name] / known.sqrt_().add_(self.eps), alpha=-self.lr)


@dataclass(frozen=True)
class Adam:
    """Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, Algorithm 1."""

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def torch(self, tensors: Iterable[Tensor]) -> torch.optim.Optimizer:
        tensors = list(tensors)
        return torch.optim.Adam(
            tensors, lr=self.lr, betas=(self.beta1, self.beta2), eps=self.eps, fused=_fused(tensors)
        )

    def init(self, params: Mapping[str, Tensor]) -> State:
        return {"mean": _zeros(params), "square": _zeros(params), "step": 0}

    def update(self, params: Mapping[str, Tensor], grads: Mapping[str, Tensor], state: State) -> tuple[Tensors, State]:
        # Few operations: unrolled training keeps and differentiates every one of them.
        step = state["step"] + 1
        mean = {k: torch.lerp(state["mean"][k], grads[k], 1 - self.beta1) for k in params}
        square = {
            k: torch.addcmul(self.beta2 * state["square"][k], grads[k], grads[k], value=1 - self.beta2) for k in params
        }
        correction = (1 - self.beta2**step) ** 0.5
        scale = self.lr * correction / (1 - self.beta1**step)
        roots = {k: (square[k] + TINY).sqrt() + self.eps * correction for k in params}
        new = {k: torch.addcdiv(params[k], mean[k], roots[k], value=-scale) for k in params}
        return new, {"mean": mean, "square": square, "step": step}


def _fused(tensors: Any) -> bool:
    """One kernel for the whole step where torch has it."""
    return all(t.is_floating_point() and t.device.type in ("cpu", "cuda") for t in tensors)
