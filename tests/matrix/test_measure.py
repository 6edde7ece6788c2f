"""What a stage costs: its own work and that of the processes that it waited for."""

from __future__ import annotations

import resource
import subprocess
import sys

from recbench.matrix.measure import PEAK_UNIT, measured
from recbench.store import MEASURED, Artifact

SECONDS = 0.3


@measured
def idle(arguments: object, inputs: object) -> Artifact:
    return Artifact({})


def _own_peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT


def _child(held: int, work: str = "pass") -> None:
    subprocess.run([sys.executable, "-c", f"import time\nheld = bytearray({held})\n{work}"], check=True)


def test_what_a_process_that_the_stage_waited_for_worked_and_held_counts() -> None:
    held = _own_peak() + (50 << 20)

    @measured
    def stage(arguments: object, inputs: object) -> Artifact:
        _child(held, f"while time.process_time() < {SECONDS}: pass")
        return Artifact({})

    cost = stage({}, {}).meta[MEASURED]
    assert cost["cpu_seconds"] > SECONDS
    assert cost["peak_bytes"] > held


def test_what_was_waited_for_before_the_stage_does_not_count() -> None:
    _child(_own_peak() + (50 << 20), f"while time.process_time() < {SECONDS}: pass")
    cost = idle({}, {}).meta[MEASURED]
    assert cost["cpu_seconds"] < SECONDS
    assert cost["peak_bytes"] == _own_peak()
