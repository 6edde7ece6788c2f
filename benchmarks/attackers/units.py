"""Paired rank gain of every attacker over the units of a run, with intervals.

    python benchmarks/attackers/units.py runs/attacker-units [--against random popular gan-untrained]

A unit is one split seed and one target group of a data set. Intervals are 95%, by Student's t over split
seeds; the victim is averaged over where there are several.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from tabulate import tabulate

from recbench.evaluation.statistics import Interval, interval, paired_interval
from recbench.store import Store

SEED = 0
"""Of the bootstrap."""

Units = dict[tuple[int, int], float]


def gains(run: Path, metric: str) -> dict[str, dict[str, Units]]:
    """The metric by data set, attacker and unit, of undefended cells that are ok."""
    found: dict[str, dict[str, dict[tuple[int, int], list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for record in Store(run).records():
        question = record["question"]
        if (
            record["status"] == "ok"
            and question["defense"]["name"] == "none"
            and question["attacker"]["name"] != "none"
        ):
            unit = (question["seed"], question["group"])
            found[question["dataset"]][question["attacker"]["name"]][unit].append(record["metrics"][metric])
    return {
        data: {
            attacker: {unit: float(np.mean(values)) for unit, values in sorted(units.items())}
            for attacker, units in by.items()
        }
        for data, by in found.items()
    }


def _between(found: Interval) -> str:
    return f"{found.low:+.3f} … {found.high:+.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--metric", default="rank-gain")
    parser.add_argument("--against", nargs="*", default=["random", "popular", "gan-untrained"])
    options = parser.parse_args()
    for data, by in sorted(gains(options.run, options.metric).items()):
        rows = []
        for attacker, units in sorted(by.items(), key=lambda item: -np.mean(list(item[1].values()))):
            values, seeds = np.array(list(units.values())), np.array([seed for seed, _ in units])
            row = [attacker, len(units), f"{values.mean():+.3f}", _between(interval(values, seeds, SEED))]
            for other in options.against:
                shared = [unit for unit in units if unit in by.get(other, {})]
                if other == attacker or not shared:
                    row.append("")
                    continue
                ours, theirs = (np.array([table[unit] for unit in shared]) for table in (units, by[other]))
                found = paired_interval(ours, theirs, np.array([seed for seed, _ in shared]), SEED)
                row.append(f"{found.mean:+.3f} ({_between(found)})")
            rows.append(row)
        print(f"\n{data}: {options.metric}\n")
        print(
            tabulate(
                rows,
                ["attacker", "units", "mean", "95%", *(f"minus {name}" for name in options.against)],
                disable_numparse=True,
            )
        )


if __name__ == "__main__":
    main()
