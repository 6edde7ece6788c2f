"""SIGKILL of the harness at random instants of a matrix of 64 cells, then resume: `python tests/faults/kill.py`.

An instant is drawn uniformly from the work, not from the clock, which other work on the machine stretches: a fresh run
is started, and its harness killed a random moment after its store holds a random number of the files that it will. No
process of it may be left; then the run is resumed, and its store must be equal to that of the uninterrupted run,
timings left out. Ends with code 1 if anything differs; Ctrl-C ends it early.

The harnesses are forked from this process after planning, which takes seconds and writes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import MARK, contents, differences, good, orphans, write_suite

from recbench.matrix.plan import Plan
from recbench.matrix.suite import load_suite
from recbench.plugins import load_plugins
from recbench.running import computed, planned
from recbench.store import Store

CELLS = 4 * (5 * 3 + 1)
"""Four recommenders, each under five attacks (none among them) and three defenses, and their A/A twins."""


def matrix(folder: Path) -> Plan:
    """The plan: planted components and standard ones, cheap and deterministic. Goes to work in the folder."""
    os.chdir(folder)
    os.environ["RECBENCH_CACHE"] = str(folder / "cache")
    suite = write_suite(
        folder,
        "matrix",
        [*good("Popular"), "popularity", "item-knn", "ease"],
        [*good("Fills", "CountsItems"), "random", "popular"],
        good("KeepsAll", "SuspectsLong"),
    )
    plan, _ = planned(load_suite(suite), None, load_plugins(), "cpu", 1)
    assert len(plan.cells) == CELLS
    return plan


def harness(plan: Plan, out: Path, mark: str) -> int:
    """Fork a harness that runs the plan in `out`; returns its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            os.environ[MARK] = mark
            log = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 2)
            sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115  pytest's is not the descriptor
            computed(plan, Store(out), 2, "missing")
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def run(plan: Plan, out: Path) -> float:
    """Run the plan to its end, in a harness of its own; returns the seconds that it took."""
    begin = time.monotonic()
    _, status = os.waitpid(harness(plan, out, "whole"), 0)
    assert status == 0, out.with_suffix(".log").read_text()
    return time.monotonic() - begin


def files(out: Path) -> int:
    """How many artifacts and records are in the store: how far its run is."""
    return sum(1 for pattern in ("artifacts/*/[!.]*", "cells/[!.]*") for _ in out.glob(pattern))


def killed(plan: Plan, out: Path, after: int, seconds: float) -> list[int]:
    """Kill a harness so many seconds after its store holds `after` files; returns the processes that it leaves."""
    mark = f"{out}-{time.monotonic_ns()}"
    pid = harness(plan, out, mark)
    while files(out) < after:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        assert ended is None, out.with_suffix(".log").read_text()
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return orphans(mark)


def one_kill(
    plan: Plan, store: Store, expected: Mapping[str, Any], after: int, seconds: float
) -> tuple[int, list[str]]:
    """Kill a run and resume it; returns how many records there were at the kill, and whatever went wrong."""
    found = [f"process {pid} is left" for pid in killed(plan, store.root, after, seconds)]
    records = len(store.records())
    found += store.check()
    run(plan, store.root)
    found += store.check() + differences(contents(store), expected)
    shutil.rmtree(store.root)
    return records, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    bad = 0
    there: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="recbench-kill-") as temporary:
        folder = Path(temporary)
        plan = matrix(folder)
        duration = run(plan, folder / "whole")
        expected, total = contents(Store(folder / "whole")), files(folder / "whole")
        print(f"a matrix of {CELLS} cells, {total} files; the uninterrupted run took {duration:.1f} s", flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # what was found so far is told
            for number in range(1, asked.times + 1):
                after, seconds = draw.randrange(total), draw.uniform(0, 2 * duration / total)
                records, found = one_kill(plan, Store(folder / "killed"), expected, after, seconds)
                there["no record" if not records else "some records" if records < CELLS else "all records"] += 1
                bad += bool(found)
                verdict = "; ".join(found) or "no process left, resumed store equal"
                print(
                    f"kill {number} {seconds:.3f} s after file {after}, {records} records there: {verdict}", flush=True
                )
        os.chdir("/")
    print(f"{there.total()} kills: {', '.join(f'{count} with {what}' for what, count in sorted(there.items()))}")
    print(f"{bad} of them left a process or a resumed store that differs")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
