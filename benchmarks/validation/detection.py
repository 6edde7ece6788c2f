"""What pca-varselect finds and what it misses: `python benchmarks/validation/detection.py RUN...`.

Prints, for every detector and attack of finished runs of the suites `pca-varselect-explicit.toml` and
`pca-varselect-implicit.toml`, means over units with 95% intervals by Student's t over split seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from tabulate import tabulate

import recbench
from recbench.evaluation.statistics import interval

METRICS = {
    "AUC": "detection-auc",
    "AP": "detection-ap",
    "recall at 1% FPR": "detection-recall@fpr0.01",
    "recall": "detection-recall",
    "genuine removed": "genuine-removed",
}
SEED = 0


def rows(run: recbench.Results) -> Iterator[list[str]]:
    """A row a data set, detector and attack; without an attack there is nothing to find."""
    units: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    clusters: dict[tuple[str, str, str], list[int]] = {}
    for cell in run.cells:
        question = cell["question"]
        if question["defense"]["name"] == "none":
            continue
        assert cell["status"] == "ok", f"{cell['cell_id']}: {cell['reason']}"
        detector = run.labels["defense"][recbench.leaderboard.labels.key_of(question["defense"])]
        place = (question["dataset"], detector, question["attacker"]["name"])
        units.setdefault(place, []).append(cell["metrics"])
        clusters.setdefault(place, []).append(question["seed"])
    for place, found in sorted(units.items()):
        shown = []
        for metric in METRICS.values():
            values = np.array([each.get(metric, np.nan) for each in found])
            if np.isnan(values).any():
                shown.append("")
                continue
            bounds = interval(values, np.array(clusters[place]), SEED)
            shown.append(f"{values.mean():.2f} ({bounds.low:.2f} … {bounds.high:.2f})")
        yield [*place, str(len(found)), *shown]


def main() -> None:
    for folder in sys.argv[1:]:
        run = recbench.Results.read(folder)
        print(f"{run.suite.name}, {run.suite.feedback} track, attack size {run.suite.threat.sizes[0]:.0%}\n")
        print(tabulate(rows(run), ["data", "detector", "attack", "units", *METRICS], "pipe"), "\n")


if __name__ == "__main__":
    main()
