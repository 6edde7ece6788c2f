"""What a stage costs, measured where it runs and kept with what it made, so that a cached stage has a cost too."""

from __future__ import annotations

import functools
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from recbench.store import MEASURED, Artifact

StageFunction = Callable[[Mapping[str, Any], Mapping[str, Artifact]], Artifact]

PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""The unit of `ru_maxrss` in bytes."""


def measured(stage: StageFunction) -> StageFunction:
    """The stage, with its `wall_seconds`, `cpu_seconds` and `peak_bytes` in the artifact's meta.

    They go to the entry `measured`, beside how much work it was where the stage has said so. CPU seconds are of its
    process and of the children that it waited for, theirs included; what still runs when the stage ends is not in it.
    The peak is the largest resident size of any one of them, not of all together, since the process began: a stage
    that waits for a child is told of the largest child before it too.
    """

    @functools.wraps(stage)
    def run(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
        wall, cpu, before = time.perf_counter(), time.process_time(), _of_children()
        artifact = stage(arguments, inputs)
        own, children = resource.getrusage(resource.RUSAGE_SELF), _of_children()
        # No process lives without a page fault.
        waited = children.ru_minflt + children.ru_majflt > before.ru_minflt + before.ru_majflt
        worked = children.ru_utime + children.ru_stime - before.ru_utime - before.ru_stime
        cost = {
            **artifact.meta.get(MEASURED, {}),
            "wall_seconds": time.perf_counter() - wall,
            "cpu_seconds": time.process_time() - cpu + worked,
            "peak_bytes": max(own.ru_maxrss, children.ru_maxrss if waited else 0) * PEAK_UNIT,
        }
        return replace(artifact, meta={**artifact.meta, MEASURED: cost})

    return run


def _of_children() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_CHILDREN)
