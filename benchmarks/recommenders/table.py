"""Every standard recommender on one data set: NDCG@10 and CPU seconds, beside two libraries where they are installed.

    python benchmarks/recommenders/table.py --dataset ml-100k --implicit PYTHON --cornac PYTHON

Protocol: every rating is a positive; of each user's interactions a random fifth is the test part, drawn anew for each
split seed; all items outside the other four fifths are ranked. Everybody trains on all four fifths with default
settings and for all epochs. `biased-mf` and `autorec` read the ratings. Peers train on the same data in their own
environments and are ranked by the same code. Times are CPU seconds of the fit on one thread, medians over the splits; a
small first fit is not counted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before torch and NumPy read them; the peers' processes inherit them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from recbench.contracts import FitContext, Scorer
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.data.splits import Split, ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.evaluation.ratings import rmse
from recbench.plugins import load_plugins
from recbench.specs import build, expand

OWN = (
    "popularity",
    "item-knn",
    "ease",
    "ials",
    "wmf-sgd",
    "bpr-mf",
    "item-autoencoder",
    "multivae",
    "lightgcn",
    "simgcl",
    "neumf",
    "sasrec",
    "biased-mf",
    "autorec",
)
PEERS = {"implicit": ("als",), "cornac": ("bpr", "ease")}

Fit = Callable[[Interactions, int], tuple[float, Scorer]]
"""Fits to data with a seed: CPU seconds and the scorer."""


class Scores:
    """A scorer that reads a matrix."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix

    def score(self, users: np.ndarray) -> Any:
        return self.matrix[users]


def own_fit(recommender: Any) -> Fit:
    def fit(train: Interactions, seed: int) -> tuple[float, Scorer]:
        start = time.process_time()
        scorer = recommender.fit(train, FitContext(seed))
        return time.process_time() - start, scorer

    return fit


def peer_fit(python: str, library: str, model: str) -> Fit:
    def fit(train: Interactions, seed: int) -> tuple[float, Scorer]:
        with tempfile.TemporaryDirectory() as folder:
            given, scores = Path(folder) / "train.npz", Path(folder) / "scores.npy"
            np.savez(given, users=train.users, items=train.items, shape=(train.n_users, train.n_items))
            script = Path(__file__).with_name(f"{library}_models.py")
            answer = subprocess.run(
                [python, str(script), model, str(given), str(scores), str(seed)],
                check=True,
                capture_output=True,
                text=True,
            )
            return float(answer.stdout.split()[-1]), Scores(np.load(scores))

    return fit


def contestants(args: argparse.Namespace) -> Iterator[tuple[str, Fit, bool]]:
    """Name, fit, and whether it reads ratings."""
    plugins = load_plugins()
    for name in args.own:
        ((component, params),) = expand(plugins, "recommender", name)
        yield name, own_fit(build(component, params)), "ratings" in component.requires_data
    for library, models in PEERS.items():
        if python := getattr(args, library):
            yield from ((f"{library}: {model}", peer_fit(python, library, model), False) for model in models)


def quality(scorer: Scorer, parts: Split, seed: int) -> float:
    known = parts.train
    audience = Audience.shuffled(np.arange(known.n_users), known.n_users, seed)
    return validation_quality(scorer, audience, known.histories, known.n_items, parts.test.histories, seed)


def error(scorer: Any, parts: Split) -> float:
    """The root mean squared error of the predicted test ratings."""
    return rmse(np.asarray(scorer.predict(parts.test.users, parts.test.items)), parts.test.ratings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--implicit", help="a Python interpreter with implicit")
    parser.add_argument("--cornac", help="a Python interpreter with Cornac")
    parser.add_argument("--own", nargs="+", default=OWN, help="the standard recommenders to run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="split seeds")
    args = parser.parse_args()
    ((dataset, _),) = expand(load_plugins(), "dataset", args.dataset)
    data = build(dataset, {}).load().interactions
    splits = [ratio_split(data, seed, validation=0.0, test=0.2) for seed in args.seeds]
    errors = []
    print(f"| {args.dataset} | NDCG@10 | each split | fit, CPU s |\n|---|---|---|---|")
    for name, fit, rated in contestants(args):
        trains = [parts.train if rated else binarize(parts.train) for parts in splits]
        if ":" not in name:  # peers start afresh and leave their imports out of the count
            fit(trains[0].select(trains[0].users < 50), 0)
        runs = [fit(train, seed) for train, seed in zip(trains, args.seeds, strict=True)]
        found = [
            quality(scorer, parts, seed) for (_, scorer), parts, seed in zip(runs, splits, args.seeds, strict=True)
        ]
        seconds = np.median([seconds for seconds, _ in runs])
        each = " ".join(f"{ndcg:.4f}" for ndcg in found)
        print(f"| {name} | {np.mean(found):.4f} | {each} | {seconds:.2f} |", flush=True)
        if rated:
            errors.append((name, [error(scorer, parts) for (_, scorer), parts in zip(runs, splits, strict=True)]))
    if errors:
        print(f"\n| {args.dataset} | RMSE of ratings | each split |\n|---|---|---|")
    for name, found in errors:
        print(f"| {name} | {np.mean(found):.4f} | {' '.join(f'{each:.4f}' for each in found)} |")


if __name__ == "__main__":
    main()
