"""Run a validation suite in shards, each of which is kept as a small file as soon as it is whole.

    python benchmarks/validation/shards.py attackers [--minutes 60] [--jobs 2] [--dataset ml-100k] [--size 0.03]

A shard is one attack of one size on one data set, with all its units and their clean twins; a suite of defenses has
one a defense. It takes minutes, so that a validation of hours can be made in many sittings, on machines that keep
nothing. Finished shards are not run again: remove the file of one whose code has changed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import recbench
from recbench.leaderboard.cells import cells_parquet, records_of
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.published import read_rows
from recbench.matrix.suite import Suite, load_suite
from recbench.store.files import write_file

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "docs" / "validation" / "shards"
METRICS = (
    "rank-gain",
    "lift-hr@10",
    "lift-hr@50",
    "js-excess",
    "js-percentile",
    "ndcg@10",
    "ndcg-drop@10",
    "detection-ap",
    "detection-auc",
    "detection-recall@fpr0.01",
    "detection-recall@fpr0.05",
    "detection-accuracy",
    "detection-precision",
    "detection-recall",
    "detection-f1",
    "genuine-removed",
)
"""What is kept of a cell; its id, its build and its costs are too."""


@dataclass(frozen=True)
class Shard:
    """What is run at once: every unit of one data set, one size and one attack, or one defense."""

    suite: Suite
    dataset: str
    size: float
    attackers: tuple[str, ...]
    defenses: tuple[str, ...]
    name: str

    @property
    def file(self) -> Path:
        return KEPT / self.suite.name / f"{self.dataset}-{self.size:g}-{self.name}.parquet"

    def run(self, jobs: int) -> None:
        """Compute what is missing of it and keep it; a failed cell is kept as one."""
        results = recbench.run(
            self.suite,
            HERE.parents[1] / "runs" / self.suite.name,
            jobs,
            datasets=[self.dataset],
            attackers=["none", *self.attackers],
            defenses=["none", *self.defenses],
            sizes=[self.size],
        )
        for record in results.records:
            record["metrics"] = {name: value for name, value in record["metrics"].items() if name in METRICS}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_file(self.file, cells_parquet(results.records))


def shards(suite: Suite) -> Iterator[Shard]:
    """The shards, in the order in which they are worth having: sizes as the suite lists them."""
    for size in suite.threat.sizes:
        for dataset in map(str, suite.datasets):
            if suite.defenses:
                attackers = tuple(map(str, suite.attackers))
                for defense in map(str, suite.defenses):
                    yield Shard(suite, dataset, size, attackers, (defense,), defense)
            else:
                for attacker in map(str, suite.attackers):
                    yield Shard(suite, dataset, size, (attacker,), (), attacker)


def kept(suite: Suite) -> tuple[Grid, list[Path]]:
    """The cells of the shards that there are, and their files."""
    files = sorted((KEPT / suite.name).glob("*.parquet"))
    return Grid(suite, [record for file in files for record in records_of(read_rows(file))]), files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=sorted(path.stem for path in HERE.glob("*.toml")))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no shard after so many")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--dataset", help="only this one")
    parser.add_argument("--size", type=float, help="only this one")
    chosen = parser.parse_args()
    started = time.monotonic()
    for shard in shards(load_suite(str(HERE / f"{chosen.suite}.toml"))):
        if shard.file.exists() or chosen.dataset not in (None, shard.dataset) or chosen.size not in (None, shard.size):
            continue
        if time.monotonic() - started > 60 * chosen.minutes:
            print("out of time; call again to go on")
            break
        shard.run(chosen.jobs)
        print(f"{(time.monotonic() - started) / 60:6.1f} min: {shard.file.name}", flush=True)


if __name__ == "__main__":
    main()
