"""What both sides of the comparison share: the input file, and one measurement. NumPy and SciPy only."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sp


def load(path: Path) -> tuple[np.ndarray, np.ndarray, sp.csr_matrix, sp.csr_matrix]:
    """User factors, item factors, training matrix and test matrix."""
    arrays = np.load(path)
    users, items = arrays["users"], arrays["items"]
    shape = (len(users), len(items))
    train, test = (
        sp.csr_matrix(
            (np.ones(len(arrays[f"{part}_items"]), np.float32), arrays[f"{part}_items"], arrays[f"{part}_indptr"]),
            shape,
        )
        for part in ("train", "test")
    )
    return users, items, train, test


def report(side: str, evaluate: Callable[[], float], repeats: int) -> None:
    """Print one JSON line: NDCG, the best of `repeats` in CPU and wall seconds, and the peak memory of the process."""
    cpu, wall, ndcg = [], [], float("nan")
    for _ in range(repeats):
        started, ticked = time.perf_counter(), time.process_time()
        ndcg = evaluate()
        cpu.append(time.process_time() - ticked)
        wall.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"side": side, "ndcg": ndcg, "cpu": min(cpu), "wall": min(wall), "peak": peak}, sys.stdout)
    print(flush=True)
