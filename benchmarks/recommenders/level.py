"""Equally good models of recbench and of compiled libraries: CPU seconds of a fit on ml-100k.

    python benchmarks/recommenders/level.py bpr-mf ials ease --runs 9

in an environment that has the peer of each: Cornac, implicit, and for `ease` NumPy. Every rating is a positive; the
rest of the protocol is that of bench_ml100k.py. Both sides train on the same data and are ranked by the same code, one
thread. They take turns, each in a process of its own, after a first fit that is not counted.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

# Before torch and NumPy read them; the processes of both sides inherit them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
from bench_ml100k import measure, split

from recbench.contracts import FitContext
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.plugins import load_plugins
from recbench.specs import build, expand


@dataclass(frozen=True)
class BareSolve:
    """The formula of EASE with NumPy's inverse of a dense matrix, in single precision."""

    lam: float = 500.0

    def fit(self, train: Interactions, ctx: FitContext) -> BareSolve.Scorer:
        dense = train.csr.toarray()
        inverse = np.linalg.inv(dense.T @ dense + np.float32(self.lam) * np.eye(train.n_items, dtype=np.float32))
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        return BareSolve.Scorer(dense, weights)

    @dataclass(frozen=True)
    class Scorer:
        histories: np.ndarray
        weights: np.ndarray

        def score(self, users: np.ndarray) -> np.ndarray:
            return self.histories[users] @ self.weights


PAIRS = {
    "bpr-mf": ("bpr-mf[epochs=23,batch_size=8192]", "cornac:bpr[k=64,max_iter=150,learning_rate=0.01,lambda_reg=0.01]"),
    "ials": ("ials[epochs=4]", "implicit:als[factors=64,alpha=3.0,regularization=15.0,iterations=3]"),
    "ease": ("ease", "bare NumPy solve"),
}
"""Ours, and the peer's; see docs/validation/recommenders.md for how they were chosen."""


def made(model: str) -> Any:
    if model == PAIRS["ease"][1]:
        return BareSolve()
    ((component, params),) = expand(load_plugins(), "recommender", model)
    return build(component, params)


def turn(model: str, seed: int) -> tuple[float, float]:
    """CPU seconds of a fit and its test NDCG@10."""
    ((dataset, _),) = expand(load_plugins(), "dataset", "ml-100k")
    parts, known = split(binarize(build(dataset, {}).load().interactions), validation=0.0)
    seconds, _, quality = measure(made(model), parts, known, seed)
    return seconds, quality


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", choices=PAIRS, metavar="MODEL")
    parser.add_argument("--runs", type=int, default=9)
    args = parser.parse_args()
    for name in args.models:
        sides = {model: ProcessPoolExecutor(1, mp_context=get_context("spawn")) for model in PAIRS[name]}
        runs: dict[str, list[tuple[float, float]]] = {model: [] for model in sides}
        for seed in range(args.runs + 1):
            for model, process in sides.items():
                runs[model].append(process.submit(turn, model, seed).result())
        peer = np.median([seconds for seconds, _ in runs[PAIRS[name][1]][1:]])
        for model, (_, *counted) in runs.items():
            sides[model].shutdown()
            seconds, qualities = zip(*counted, strict=True)
            print(
                f"{model}: {np.median(seconds):.3f} CPU s, {np.median(seconds) / peer:.2f} ×; "
                f"NDCG@10 {np.mean(qualities):.4f}, lowest {min(qualities):.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
