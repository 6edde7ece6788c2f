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
    """The stage, with `wall_seconds`, `cpu_seconds` and `peak_bytes` of its process in the artifact's meta.

    They go to the entry `measured`, beside how much work it was where the stage has said so.
    """

    @functools.wraps(stage)
    def run(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
        wall, cpu = time.perf_counter(), time.process_time()
        artifact = stage(arguments, inputs)
        cost = {
            **artifact.meta.get(MEASURED, {}),
            "wall_seconds": time.perf_counter() - wall,
            "cpu_seconds": time.process_time() - cpu,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT,
        }
        return replace(artifact, meta={**artifact.meta, MEASURED: cost})

    return run
