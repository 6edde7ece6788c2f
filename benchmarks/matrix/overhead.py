"""What the harness itself costs: CPU seconds a cell where plugins do next to nothing, and planning.

    python benchmarks/matrix/overhead.py cells 100 500 5000
    python benchmarks/matrix/overhead.py plan 50000

`cells N` runs a matrix of N cells on 40 users, half of them the A/A twins of the other half, one split seed a pair:
apart from a pair's preparation no two cells share a stage. The cost is that of the whole process tree, start of the
interpreter, imports and the little that plugins do (a data set of 1,600 pairs, two trivial fits, a trivial metric, and
the files that these are in, read anew in every process) included, so it is an upper
bound of the overhead. `marginal` leaves the start out: the difference to the run before, by its cells.
`plan N` plans about N cells that nothing has computed, in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLUGINS = {
    "shop": """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recbench.contracts import Data, Dataset, DatasetInfo
from recbench.data import Catalog, Interactions

PAIRS = [(user, item) for user in range(40) for item in range(60) if (user * item + user) % 3]


@dataclass(frozen=True)
class Shop(Dataset):
    info: ClassVar[DatasetInfo] = DatasetInfo("shop", "", "", "", "", 40, 60, len(PAIRS), None, True)

    def read(self, folder):
        raise NotImplementedError

    def load(self, folder=None):
        users, items = np.array(PAIRS, np.int32).T
        return Data(Interactions(users, items, 40, 60), Catalog(), np.arange(40), np.arange(60))
""",
    "victim": '''
from dataclasses import dataclass

import numpy as np

from recbench.contracts import Recommender


@dataclass(frozen=True)
class Trivial(Recommender):
    """The most popular items, moved on by the user's id: to each of two twins its own, as its ids are its own."""

    number: int = 0

    def fit(self, train, ctx):
        return Counts(train.item_counts.astype(np.float32))


class Counts:
    def __init__(self, counts):
        self.counts = counts

    def score(self, users):
        return self.counts[(np.arange(len(self.counts)) + users[:, None]) % len(self.counts)]
''',
    "attacker": """
from dataclasses import dataclass

from recbench.contracts import PoisoningAttacker, Profiles


@dataclass(frozen=True)
class Nobody(PoisoningAttacker):
    number: int = 0

    def craft(self, view):
        return Profiles.empty()
""",
    "detector": """
from dataclasses import dataclass

import numpy as np

from recbench.contracts import Sanitizer, Verdict


@dataclass(frozen=True)
class Blind(Sanitizer):
    number: int = 0

    def inspect(self, train, ctx):
        return Verdict(np.zeros(train.n_users), np.ones(train.n_users, bool))
""",
    "metric": """
from dataclasses import dataclass

from recbench.contracts import Metric


@dataclass(frozen=True)
class Audience(Metric):
    def __call__(self, outcome):
        return {"users": float(len(outcome.eligible))}
""",
}
SUITE = """
name = "overhead"
version = "1"
datasets = ["./shop.py:Shop"]
recommenders = ["./victim.py:Trivial{recommenders}"]
attackers = {attackers}
defenses = {defenses}
metrics = ["./metric.py:Audience"]
seeds = {seeds}

[threat.targets]
count = 2
"""


def arrange(folder: Path, seeds: int, recommenders: int = 1, attackers: int = 0, defenses: int = 0) -> None:
    """Put the plugins and a suite into the folder."""

    def variants(count: int) -> str:
        return f"[number={'|'.join(map(str, range(count)))}]"

    for name, source in PLUGINS.items():
        (folder / f"{name}.py").write_text(source)
    suite = SUITE.format(
        recommenders=variants(recommenders),
        attackers=[f"./attacker.py:Nobody{variants(attackers)}"] if attackers else [],
        defenses=[f"./detector.py:Blind{variants(defenses)}"] if defenses else [],
        seeds=seeds,
    )
    (folder / "overhead.toml").write_text(suite)


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_cells(counts: list[int], jobs: int) -> None:
    print(f"{'cells':>6}{'CPU ms/cell':>13}{'marginal':>10}{'wall s':>8}")
    before: tuple[int, float] | None = None
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            arrange(Path(name), seeds=count // 2)
            start, wall = children_seconds(), time.perf_counter()
            command = [str(Path(sys.executable).parent / "recbench"), "run", "./overhead.toml", "--jobs", str(jobs)]
            subprocess.run(command, cwd=name, check=True, capture_output=True)
            seconds, wall = children_seconds() - start, time.perf_counter() - wall
        marginal = f"{1000 * (seconds - before[1]) / (count - before[0]):.1f}" if before else ""
        print(f"{count:6}{1000 * seconds / count:13.1f}{marginal:>10}{wall:8.1f}", flush=True)
        before = count, seconds


def plan_cells(count: int) -> None:
    from recbench.matrix.suite import load_suite
    from recbench.plugins import load_plugins
    from recbench.running import planned

    with tempfile.TemporaryDirectory() as name:
        seeds = max(1, round(count / (20 * 21 * 6)))
        arrange(Path(name), seeds, recommenders=20, attackers=20, defenses=5)
        os.chdir(name)
        plugins, suite = load_plugins(), load_suite("./overhead.toml")
        before = time.process_time()
        plan, store = planned(suite, None, plugins, "cpu", 1)
        document = plan.document()
        seconds = time.process_time() - before
        store.root.mkdir(parents=True)
        store.write_document("plan.json", document)
        written = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(plan.cells)} cells planned in {seconds:.2f} CPU s, written in {written:.2f}, {peak:.2f} GiB at the peak"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    cells = commands.add_parser("cells")
    cells.add_argument("counts", type=int, nargs="+")
    cells.add_argument("--jobs", type=int, default=1)
    commands.add_parser("plan").add_argument("count", type=int)
    arguments = parser.parse_args()
    if arguments.what == "cells":
        run_cells(arguments.counts, arguments.jobs)
    else:
        plan_cells(arguments.count)


if __name__ == "__main__":
    main()
