"""What the harness itself costs: CPU seconds a cell where plugins do next to nothing, and planning.

    python benchmarks/matrix/overhead.py cells 100 500 5000
    python benchmarks/matrix/overhead.py plan 50000

`cells N` runs a matrix of N cells on 40 users, half of them the A/A twins of the other half, one split seed a pair:
apart from a pair's preparation no two cells share a stage. The cost is that of the whole process tree, start of the
interpreter and imports included. `plugins` is the share of the plugins (a data set of 1,600 pairs, trivial fits, a
trivial metric), which note themselves what they take: the run of their files from the first line to the last, and of
their hooks. `overhead` is the rest; `marginal` leaves the start out as well: the difference to the run before, by its
cells.
`plan N` plans about N cells that nothing has computed, in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NOTED = r"""
import os
import time

began = time.process_time()


def note(began):
    with open(os.environ["RECBENCH_PLUGIN_SECONDS"], "a") as file:
        file.write(f"{time.process_time() - began}\n")

# here
note(began)
"""
"""A plugin that notes the CPU seconds that it takes."""
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
        began = time.process_time()
        users, items = np.array(PAIRS, np.int32).T
        data = Data(Interactions(users, items, 40, 60), Catalog(), np.arange(40), np.arange(60))
        note(began)
        return data
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
        began = time.process_time()
        counts = Counts(train.item_counts.astype(np.float32))
        note(began)
        return counts


class Counts:
    def __init__(self, counts):
        self.counts = counts

    def score(self, users):
        began = time.process_time()
        scores = self.counts[(np.arange(len(self.counts)) + users[:, None]) % len(self.counts)]
        note(began)
        return scores
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
        (folder / f"{name}.py").write_text(NOTED.replace("# here", source))
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
    print(f"{'cells':>6}{'CPU ms/cell':>13}{'plugins':>9}{'overhead':>10}{'marginal':>10}{'wall s':>8}")
    before: tuple[int, float] | None = None
    # Folders stay until the end: ext4 looks at every file that was removed within a minute for each that is made.
    with contextlib.ExitStack() as folders:
        for count in counts:
            folder = Path(folders.enter_context(tempfile.TemporaryDirectory()))
            overhead = run_once(folder, count, jobs, before)
            before = count, overhead


def run_once(folder: Path, count: int, jobs: int, before: tuple[int, float] | None) -> float:
    """One run, its line, and the CPU seconds that are the harness's."""
    arrange(folder, seeds=count // 2)
    noted = folder / "seconds"
    start, wall = children_seconds(), time.perf_counter()
    command = [str(Path(sys.executable).parent / "recbench"), "run", "./overhead.toml", "--jobs", str(jobs)]
    environment = os.environ | {"RECBENCH_PLUGIN_SECONDS": str(noted)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    seconds, wall = children_seconds() - start, time.perf_counter() - wall
    plugins = sum(map(float, noted.read_text().split()))
    overhead = seconds - plugins
    marginal = f"{1000 * (overhead - before[1]) / (count - before[0]):.1f}" if before else ""
    each = (f"{1000 * part / count:.1f}" for part in (seconds, plugins, overhead))
    print("{:6}{:>13}{:>9}{:>10}{:>10}{:8.1f}".format(count, *each, marginal, wall), flush=True)
    return overhead


def plan_cells(count: int) -> None:
    from recbench.matrix.suite import load_suite
    from recbench.plugins import load_plugins
    from recbench.running import planned

    with tempfile.TemporaryDirectory() as name:
        seeds = max(1, round(count / (20 * 21 * 6)))
        arrange(Path(name), seeds, recommenders=20, attackers=20, defenses=5)
        os.chdir(name)
        os.environ["RECBENCH_PLUGIN_SECONDS"] = str(Path(name) / "seconds")
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
