"""How often training makes the host wait for the device: seen on a CPU too, where nobody waits.

Every step of a torch optimizer passes through a hook of torch's own, every gradient that is asked for through a
wrapper, and every operation through a dispatch mode, for as long as one watches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "equal", "is_nonzero")
"""How the names of operations begin whose result the host has to know: a number, or how large a tensor will be."""


class Waits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What was seen.

    Attributes:
        all: the operations that wait.
        between: those between the first and the last step of an optimizer.
        gradients: how often a gradient was asked for between them.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.all: list[str] = []
        self.between: list[str] = []
        self.gradients = 0
        self._steps = self._asked = self._known = 0
        self._inside = False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.name().removeprefix("aten::").partition(".")[0]
        if name.startswith(WAITS):
            self.all.append(name)
        return function(*args, **(kwargs or {}))

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around a gradient. Where a default device is set, torch asks by the same function again: that is one."""
        if self._inside:
            yield
            return
        self._asked, self._inside = self._asked + 1, True
        try:
            yield
        finally:
            self._inside = False

    def stepping(self, *_: Any) -> None:
        """Before a step of an optimizer: what happened since the one before belongs to a step."""
        if self._steps:
            self.between += self.all[self._known :]
            self.gradients += self._asked
        self._steps += 1
        self._known, self._asked = len(self.all), 0


@contextmanager
def waiting() -> Iterator[Waits]:
    """Watch until the block ends."""
    waits, grad, backward = Waits(), torch.autograd.grad, torch.autograd.backward

    def asked(function: Any) -> Any:
        def ask(*args: Any, **kwargs: Any) -> Any:
            with waits.asking():
                return function(*args, **kwargs)

        return ask

    handle = register_optimizer_step_pre_hook(waits.stepping)
    torch.autograd.grad, torch.autograd.backward = asked(grad), asked(backward)
    try:
        with waits:
            yield waits
    finally:
        torch.autograd.grad, torch.autograd.backward = grad, backward
        handle.remove()
