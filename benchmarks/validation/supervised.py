"""What a detector finds when it learns from a suite's examples, beside what it finds by its own simulation.

    python benchmarks/validation/supervised.py [benchmarks/validation/supervised.toml] [--out runs/supervised]

Runs the suite with its examples, from which the family of each attack is left out, and without them. Means over split
seeds with 95% intervals, paired for the differences; of clean data the share of genuine users that is removed. Before
that, how many users an item of a profile has: a mean over its items, then profiles, then split seeds.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from tabulate import tabulate

import recbench
from recbench.evaluation.statistics import interval, paired_interval
from recbench.matrix.prepared import Prepared
from recbench.matrix.suite import load_suite
from recbench.matrix.surroundings import profiles_of
from recbench.store import Store

BOOTSTRAP = 0
METRICS = ("detection-ap", "detection-auc", "detection-recall", "genuine-removed")


def measured(run: recbench.Results) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """By defense and attack: each metric of every split seed, in their order."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for cell in sorted(run.cells, key=lambda cell: cell["question"]["seed"]):
        question = cell["question"]
        if question["defense"]["name"] != "none":
            assert cell["status"] == "ok", cell["reason"]
            place = (question["defense"]["name"], question["attacker"]["name"])
            found.setdefault(place, []).append(cell["metrics"])
    return {
        place: {name: np.array([each[name] for each in units]) for name in METRICS if name in units[0]}
        for place, units in found.items()
    }


def popularity(run: recbench.Results) -> dict[str, float]:
    """The mean number of users of a profile's items, of genuine users and of each attack's fakes."""
    store, found = Store(run.folder), defaultdict[str, list[float]](list)
    for cell in run.cells:
        if cell["question"]["defense"]["name"] == "none" and cell["artifacts"].get("profiles"):
            train = Prepared.of(store.get(cell["artifacts"]["prepared"])).train
            fakes = profiles_of(store.get(cell["artifacts"]["profiles"]))
            for name, profiles in (
                ("genuine", train.histories),
                (cell["question"]["attacker"]["name"], fakes.histories),
            ):
                users = np.bincount(profiles.rows, train.item_counts[profiles.items]) / profiles.lengths
                found[name].append(users.mean())
    return {name: float(np.mean(each)) for name, each in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="?", default=str(Path(__file__).with_suffix(".toml")))
    parser.add_argument("--out", type=Path, default=Path("runs/supervised"))
    options = parser.parse_args()
    suite = load_suite(options.suite)
    assert suite.examples is not None
    # One folder, so that the same poisons serve both; each run's cells are read before the other is planned.
    run = recbench.run(suite, options.out, jobs=1)
    shown, users = measured(run), popularity(run)
    simulated = measured(recbench.run(suite.model_copy(update={"examples": None}), options.out, jobs=1))
    seeds = np.arange(suite.seeds)
    rows = []
    for (defense, attack), values in sorted(shown.items()):
        for name, learned in values.items():
            own = simulated[defense, attack][name]
            sides = [interval(learned, seeds, BOOTSTRAP), interval(own, seeds, BOOTSTRAP)]
            sides.append(paired_interval(learned, own, seeds, BOOTSTRAP))
            cells = (f"{each.mean:+.3f} [{each.low:+.3f}, {each.high:+.3f}]" for each in sides)
            rows.append([defense, attack, name, *cells])
    print(", ".join(f"{name} {mean:.0f}" for name, mean in users.items()))
    print(tabulate(rows, ("defense", "attack", "metric", "examples", "own simulation", "difference")))


if __name__ == "__main__":
    main()
