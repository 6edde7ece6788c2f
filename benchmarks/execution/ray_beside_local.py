"""A cut of `quick` by both executors on this machine, in turns: `python benchmarks/execution/ray_beside_local.py`.

Needs `pip install 'recbench[ray]'`. `--recommenders`, `--attackers` and `--defenses` cut less or more. From when every
slot has run a first task to when the last record is written: wall seconds, and CPU seconds of the whole process tree,
Ray's own processes included. Starting and stopping are left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import numpy as np
import ray

from recbench.errors import RecbenchError
from recbench.execution import LocalExecutor, Task
from recbench.execution.cluster import RayExecutor
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.run import run_plan
from recbench.matrix.suite import load_suite
from recbench.plugins import load_plugins
from recbench.store import Artifact, Store

TICKS = os.sysconf("SC_CLK_TCK")


def trivial(arguments: Any, inputs: Any) -> Artifact:
    """A slot's first task."""
    return Artifact({"x": np.arange(3)})


@dataclass
class Clock:
    """Wall and CPU seconds between an executor's readiness and its end."""

    wall: float = 0.0
    cpu: float = 0.0

    def around(self, make: Callable[..., Any]) -> Callable[[Store, int, Sequence[str]], Any]:
        """Starts executors as `make` does, and times their use."""

        def start(store: Store, jobs: int, preload: Sequence[str]) -> Any:
            executor = make(store, jobs, preload)
            for slot in range(jobs):
                executor.submit(Task(f"first-{slot}", "ray_beside_local:trivial"))
            if any(executor.next().status != "ok" for _ in range(jobs)):
                raise SystemExit("a first task failed")
            began, used, close = time.perf_counter(), tree_seconds(), executor.close

            def closing() -> None:
                self.wall, self.cpu = time.perf_counter() - began, tree_seconds() - used
                close()

            executor.close = closing
            return executor

        return start


def tree_seconds() -> float:
    """CPU seconds of this process, its descendants and the children that these have waited for."""
    parents, seconds = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(path.parent.name)] = int(fields[1])
        seconds[int(path.parent.name)] = sum(map(int, fields[11:15])) / TICKS
    tree = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(seconds.get(pid, 0.0) for pid in tree)


def patiently(store: Store, jobs: int, preload: Sequence[str]) -> RayExecutor:
    """A Ray executor; on a busy machine Ray gives up on a node of its own after 30 seconds, and is asked again."""
    while True:
        try:
            return RayExecutor(store, jobs, preload)
        except RecbenchError as error:
            if "timed out during startup" not in str(error):
                raise
            ray.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--suite", default="quick")
    parser.add_argument("--datasets", nargs="+", default=["filmtrust"])
    parser.add_argument("--recommenders", nargs="+", default=["popularity", "item-knn", "ease"])
    parser.add_argument("--attackers", nargs="+", default=["random", "popular", "copy"])
    parser.add_argument("--defenses", nargs="+", default=["none", "pca-varselect"])
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    cuts = (args.datasets, args.recommenders, args.attackers, args.defenses, args.seeds, ())
    plan = Plan.of(load_suite(args.suite).override(*cuts), load_plugins(), Circumstances(), {})
    clocks: dict[str, list[Clock]] = {"local": [], "ray": []}
    for _ in range(args.turns):
        for name, make in {"local": LocalExecutor, "ray": patiently}.items():
            clocks[name].append(Clock())
            with tempfile.TemporaryDirectory() as folder:
                run = run_plan(plan, Store(Path(folder)), args.jobs, start=clocks[name][-1].around(make))
            if run.exit_code:
                raise SystemExit(f"{len(run.failed)} cells failed")
            print(f"{name:6} {clocks[name][-1]}", flush=True)
    print(f"{len(plan.cells)} cells, {len(plan.stages())} stages, {args.jobs} jobs, medians of {args.turns} turns")
    for what in ("wall", "cpu"):
        local, ray = (statistics.median(getattr(clock, what) for clock in clocks[name]) for name in clocks)
        print(f"{what:5} local {local:7.1f} s, ray {ray:7.1f} s, ratio {ray / local:.2f}")


if __name__ == "__main__":
    main()
