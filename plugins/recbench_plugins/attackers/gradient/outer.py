"""How profiles move along a gradient: the outer optimizer of a bilevel attack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from recbench.contracts import SGD, Adam, Optimizer

OuterOptimizer = Literal["momentum", "ascent", "adam", "l-bfgs"]
"""`momentum`, plain gradient `ascent`, `adam` (Kingma, Ba, ICLR 2015) or `l-bfgs`, see `LBFGS`."""

MEMORY = 10
"""Steps that L-BFGS remembers."""


@dataclass(eq=False)
class Descent:
    """Lowers an attack's loss in the rows of `values` [m, n], which may be changed between two steps.

    The gradient of each row is scaled to length 1, and with L-BFGS the direction, so that `lr` is the length of a row's
    first step; with Adam it is how far each entry moves in it.

    Args:
        optimizer: see `OuterOptimizer`.
        lr: step size.
        momentum: of `momentum`.
    """

    optimizer: OuterOptimizer
    lr: float
    momentum: float
    _state: dict[str, Any] = field(default_factory=dict)
    _lbfgs: LBFGS = field(default_factory=lambda: LBFGS())

    def step(self, values: Tensor, gradient: Tensor) -> Tensor:
        """The values after one step."""
        if self.optimizer == "l-bfgs":
            self._lbfgs.remember(values, gradient)
            return values - self.lr * of_length_one(self._lbfgs.product(gradient))
        kept = self.momentum if self.optimizer == "momentum" else 0.0
        rule: Optimizer = Adam(self.lr) if self.optimizer == "adam" else SGD(self.lr, kept)
        here = {"values": values}
        moved, self._state = rule.update(here, {"values": of_length_one(gradient)}, self._state or rule.init(here))
        return moved["values"]


@dataclass(eq=False)
class LBFGS:
    """The inverse Hessian times a gradient, from the last steps (Nocedal, Wright, "Numerical optimization", 2006,
    algorithm 7.4). No line search: an attack's loss costs a training. A step along which the slope did not grow is
    forgotten, since the loss of discrete profiles has flat parts and edges.
    """

    _steps: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    _last: tuple[Tensor, Tensor] | None = None

    def remember(self, values: Tensor, gradient: Tensor) -> None:
        """Take note of the gradient at `values`, both [m, n]."""
        if self._last is not None:
            step, change = values - self._last[0], gradient - self._last[1]
            if (step * change).sum() > 1e-10 * step.norm() * change.norm():
                self._steps = [*self._steps, (step, change)][-MEMORY:]
        self._last = values, gradient

    def product(self, gradient: Tensor) -> Tensor:
        """The inverse Hessian times a gradient [m, n]; the gradient itself where nothing is known."""
        direction, along = gradient, []
        for step, change in reversed(self._steps):
            along.append((step * direction).sum() / (step * change).sum())
            direction = direction - along[-1] * change
        if self._steps:
            step, change = self._steps[-1]
            direction = direction * ((step * change).sum() / (change * change).sum())
        for (step, change), share in zip(self._steps, reversed(along), strict=True):
            direction = direction + step * (share - (change * direction).sum() / (step * change).sum())
        return direction


def of_length_one(rows: Tensor) -> Tensor:
    """Every row of [m, n] divided by its length; a row of zeros stays."""
    scaled: Tensor = rows / (rows.norm(dim=1, keepdim=True) + 1e-12)
    return scaled
