"""Clocks that wait for the device: work that is merely queued on a GPU has taken no time yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from recbench.errors import RecbenchError


class Event(Protocol):
    """A mark in a GPU's stream of work."""

    def record(self) -> None: ...
    def synchronize(self) -> None: ...
    def elapsed_time(self, end: Any) -> float: ...


class DeviceModule(Protocol):
    """What is used of `torch.cuda`."""

    def Event(self, enable_timing: bool) -> Event: ...
    def set_device(self, device: str) -> None: ...


class EventTimer:
    """Seconds on the device's own clock, by events in its current stream.

    A call waits until everything before it is done. The time between two calls is added up in double precision:
    `elapsed_time` is a float32 of milliseconds, which over a whole session is good for a hundredth of one only.

    Args:
        module: `torch.cuda`, or what stands in for it.
        device: `cuda` or `cuda:1`.
    """

    __name__ = "cuda_events"

    def __init__(self, module: DeviceModule, device: str) -> None:
        if ":" in device:
            module.set_device(device)
        self._module = module
        self._seconds = 0.0
        self._last = self._mark()

    def __call__(self) -> float:
        event = self._mark()
        self._seconds += self._last.elapsed_time(event) / 1000
        self._last = event
        return self._seconds

    def _mark(self) -> Event:
        event = self._module.Event(enable_timing=True)
        event.record()
        event.synchronize()
        return event


def timer_of(device: str) -> Callable[[], float]:
    """The clock for work on a device, in seconds: CUDA events, or the host's performance counter.

    Raises:
        RecbenchError: neither a CPU nor a CUDA device, or one that is not there.
    """
    if device == "cpu":
        return time.perf_counter
    if device.partition(":")[0] != "cuda":
        raise RecbenchError(f"device {device}: only 'cpu' and 'cuda' have a clock here; name one of them")
    import torch

    if not torch.cuda.is_available():
        raise RecbenchError(f"device {device}: torch finds no CUDA device; 'cpu' is always there")
    return EventTimer(torch.cuda, device)
