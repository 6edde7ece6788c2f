"""Times one piece of work and keeps beside the times what they mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recbench.throughput.bench import BATCHES, Work
from recbench.throughput.machine import verified
from recbench.throughput.memory import DeviceMemory, peak_memory

ROUNDS = {"fit": 3, "score": 40, "craft": 3, "inspect": 3, "robust-fit": 3}
"""How often each task is timed, after it was done `WARMUP` times."""
WARMUP = 1
LEAST_FOR_P95 = 20
"""The fewest times of which a 95th percentile is told: of fewer, it is the slowest one."""


def protocol(users: int) -> dict[str, Any]:
    """What figures must have in common beside the machine; as JSON gives it back."""
    return {"users": users, "rounds": ROUNDS, "warmup": WARMUP, "batches": list(BATCHES)}


@dataclass(frozen=True)
class Measure:
    """Measures by pytest-benchmark.

    Args:
        benchmark: its fixture.
        device: where the work runs.
    """

    benchmark: Any
    device: str

    def __call__(self, task: str, component: str, work: Work, **about: Any) -> Any:
        """Time the work and put what was found into the benchmark's `extra_info`; returns what the last call gave."""
        ticks: list[float] = []
        timed = _ticking(work.call, ticks)
        try:
            with peak_memory(_memory(self.device)) as peaks:
                result = self.benchmark.pedantic(timed, rounds=ROUNDS[task], warmup_rounds=WARMUP)
        except BaseException:  # a deadline's is no Exception, which is all that pytest-benchmark looks at
            self.benchmark.has_error = True
            raise
        if self.benchmark.stats is None:  # benchmarks are disabled: the work was done once, to see that it can be
            return result
        seconds = list(self.benchmark.stats.stats.data)
        self.benchmark.group = task
        self.benchmark.extra_info.update(
            {"task": task, "component": component, "device": self.device, "amount": work.amount, "unit": work.unit},
            cpu_seconds=float(np.median(ticks[WARMUP : WARMUP + len(seconds)])),
            verified=verified(self.device),
            **percentiles(seconds),
            **peaks,
            **about,
        )
        return result

    def tell(self, **about: Any) -> None:
        """Add what is known only from the result."""
        self.benchmark.extra_info.update(about)


def percentiles(seconds: Sequence[float]) -> dict[str, float | int | None]:
    """The median, the 95th percentile where there are times enough for one, and how many times there are."""
    p95 = float(np.percentile(seconds, 95)) if len(seconds) >= LEAST_FOR_P95 else None
    return {"p50": float(np.median(seconds)), "p95": p95, "n": len(seconds)}


def _ticking(call: Callable[[], Any], ticks: list[float]) -> Callable[[], Any]:
    """The call, noting the CPU time that it takes on all threads."""

    def timed() -> Any:
        before = time.process_time()
        result = call()
        ticks.append(time.process_time() - before)
        return result

    return timed


def _memory(device: str) -> DeviceMemory | None:
    if device == "cpu":
        return None
    import torch

    return torch.cuda
