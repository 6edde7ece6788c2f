"""BPR to NDCG@10 of .40 on ml-100k: recbench's `bpr-mf` against Cornac's compiled BPR, one thread each.

    python benchmarks/recommenders/bench_bpr_cornac.py --peer PYTHON_WITH_CORNAC

The protocol is that of bench_ml100k.py; both sides train on the same data and are ranked by the same code. They take
turns, after a first fit of each that is not counted. Times are CPU seconds of the fit alone, medians of the runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

# Before torch and NumPy read them; the peer's process inherits them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
from bench_ml100k import SEED, split

from recbench.contracts import FitContext, Scorer
from recbench.data.interactions import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.plugins import load_plugins
from recbench.specs import build, expand


class Scores:
    """A scorer that reads a matrix."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix

    def score(self, users: np.ndarray) -> np.ndarray:
        return self.matrix[users]


class Peer:
    """Cornac in a process of its own, which fits once for each seed that it is sent."""

    def __init__(self, python: str, train: Interactions, folder: Path, settings: list[str]) -> None:
        self.scores = folder / "scores.npy"
        shape = (train.n_users, train.n_items)
        np.savez(folder / "train.npz", users=train.users, items=train.items, shape=shape)
        script = Path(__file__).with_name("cornac_bpr.py")
        command = [python, str(script), str(folder / "train.npz"), str(self.scores), *settings]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def fit(self, seed: int) -> tuple[float, Scorer]:
        """CPU seconds and the fitted model."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(seed, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline()), Scores(np.load(self.scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="a Python interpreter with Cornac")
    parser.add_argument("--params", default="epochs=25", help="of bpr-mf, as in a suite")
    parser.add_argument("--peer-params", default="64,0.01,0.01,150", help="dimensions, step size, l2, epochs")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    plugins = load_plugins()
    ((dataset, _),) = expand(plugins, "dataset", "ml-100k")
    parts, known = split(build(dataset, {}).load().interactions, validation=0.0)
    ((component, params),) = expand(plugins, "recommender", f"bpr-mf[{args.params}]")
    recommender = build(component, params)
    audience = Audience.shuffled(np.arange(known.n_users), known.n_users, SEED)

    def quality(scorer: Scorer) -> float:
        return validation_quality(scorer, audience, known.histories, known.n_items, parts.test.histories, SEED)

    def fit(seed: int) -> tuple[float, Scorer]:
        start = time.process_time()
        scorer = recommender.fit(parts.train, FitContext(seed))
        return time.process_time() - start, scorer

    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(args.peer, parts.train, Path(folder), args.peer_params.split(","))
        turns = {"recbench bpr-mf": fit, "Cornac BPR": peer.fit}
        runs: dict[str, list[tuple[float, float]]] = {side: [] for side in turns}
        for seed in range(args.runs + 1):
            for side, take_turn in turns.items():
                seconds, scorer = take_turn(seed)
                runs[side].append((seconds, quality(scorer)))
        peer.process.communicate()

    print(f"{'':18}{'fit CPU s':>10}{'ratio':>8}{'NDCG@10':>10}{'lowest':>10}")
    own = np.median([seconds for seconds, _ in runs["recbench bpr-mf"][1:]])
    for side, (_, *counted) in runs.items():
        seconds = np.median([seconds for seconds, _ in counted])
        qualities = [ndcg for _, ndcg in counted]
        print(f"{side:18}{seconds:10.2f}{seconds / own:8.2f}{np.mean(qualities):10.4f}{min(qualities):10.4f}")


if __name__ == "__main__":
    main()
