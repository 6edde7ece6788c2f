"""Write leaderboards/prices.csv, by which `recbench plan` prices suites, from the records of finished runs.

python benchmarks/matrix/prices.py runs/quick runs/lite
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from recbench.matrix.prices import PRICES, paid
from recbench.store import Store


def main(runs: list[str]) -> None:
    costs = paid(record for run in runs for record in Store(Path(run)).records())
    with (Path(__file__).parents[2] / "leaderboards" / PRICES).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["stage", "dataset", "component", "training", "cpu_seconds"])
        for key, seconds in sorted(costs.items()):
            writer.writerow([*key, *[""] * (4 - len(key)), f"{seconds:.3g}"])


if __name__ == "__main__":
    main(sys.argv[1:])
