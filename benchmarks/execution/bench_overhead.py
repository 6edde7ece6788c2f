"""What one task costs beside its own work: `python benchmarks/execution/bench_overhead.py [tasks]`.

Prints CPU seconds a task of the harness, of the zygote (forking, watching, reaping, logs) and of the
worker (a task that returns one small array, stored durably), and the wall-clock time with two jobs.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from recbench.execution import LocalExecutor, Task
from recbench.store import Artifact, Store


def trivial(arguments, inputs):
    """The task."""
    return Artifact({"x": np.arange(3)})


def cpu(who: int) -> float:
    """CPU seconds of this process, or of its children that have ended, with theirs."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def measure(tasks: int, fork: bool) -> tuple[float, float, float, float]:
    """CPU seconds of harness, zygote and workers, and wall-clock seconds from the first result to the last."""
    harness, children = cpu(resource.RUSAGE_SELF), cpu(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder, LocalExecutor(Store(Path(folder)), jobs=2, fork=fork) as executor:
        for i in range(tasks):
            executor.submit(Task(f"trivial-{i}", "bench_overhead:trivial"))
        results = [executor.next()]
        begin = time.perf_counter()
        results += [executor.next() for _ in range(tasks - 1)]
        wall = time.perf_counter() - begin
    if failed := [result for result in results if result.status != "ok"]:
        raise SystemExit(f"{len(failed)} of {tasks} tasks failed; the first: {failed[0].reason}")
    workers = sum(result.cpu_seconds for result in results)
    return cpu(resource.RUSAGE_SELF) - harness, cpu(resource.RUSAGE_CHILDREN) - children - workers, workers, wall


def main() -> None:
    """Print the table; the cost of starting the zygote is taken off by a run with one task."""
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"milliseconds a task, over {tasks} tasks")
    print(f"{'':8}{'harness':>10}{'zygote':>10}{'worker':>10}{'wall':>10}")
    for name, fork, count in (("fork", True, tasks), ("spawn", False, max(tasks // 25, 2))):
        one, many = measure(1, fork), measure(count, fork)
        costs = [(b - a) / (count - 1) * 1000 for a, b in zip(one, many, strict=True)]
        print(f"{name:8}" + "".join(f"{cost:10.2f}" for cost in costs))


if __name__ == "__main__":
    main()
