"""Fit and evaluate recommenders on ml-100k: CPU seconds and NDCG@10.

    python benchmarks/recommenders/bench_ml100k.py --recommender ease --params "lam=100|500"

Protocol: every rating is a positive; of each user's interactions a random fifth is the test part (seed 42); all
items outside the other four fifths are ranked, whether these are trained on or validated on. `--part validation` is for
choosing settings: the test part is set aside, and a random fifth of what remains takes its place. Times are CPU seconds
of the whole process, medians of the runs after a first one that is not counted. Set OMP_NUM_THREADS=1: one thread is
the benchmark's default, and threads that wait for each other count as CPU time.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from recbench.contracts import FitContext, Scorer
from recbench.data.interactions import Interactions
from recbench.data.splits import Split, ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.plugins import load_plugins
from recbench.specs import build, expand

SEED = 42


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fit and evaluate recommenders on ml-100k.")
    parser.add_argument("--recommender", required=True, help="a plugin's name")
    parser.add_argument("--params", default="", help="as in a suite: dim=64,lr=0.01; alternatives: lam=100|500")
    parser.add_argument("--part", choices=["test", "validation"], default="test", help="the part that is ranked")
    parser.add_argument("--validation", type=float, default=0.0, help="share of the training part to validate on")
    parser.add_argument("--runs", type=int, default=5)
    return parser.parse_args()


def split(data: Interactions, validation: float, part: str = "test") -> tuple[Split, Interactions]:
    """The three parts, and train and validation together; the test part is the same for every share of validation."""
    outer = ratio_split(data, SEED, validation=0.0, test=0.2)
    if part == "validation":
        outer = ratio_split(outer.train, SEED, validation=0.0, test=0.2)
    inner = ratio_split(outer.train, SEED, validation=validation, test=0.0)
    return Split(inner.train, inner.validation, outer.test), outer.train


def measure(recommender: Any, parts: Split, known: Interactions, seed: int) -> tuple[float, float, float]:
    """CPU seconds of fitting and of evaluating, and the test NDCG@10."""
    audience = Audience.shuffled(np.arange(known.n_users), known.n_users, seed)

    def quality(scorer: Scorer, consumed: Interactions, wanted: Interactions) -> float:
        return validation_quality(scorer, audience, consumed.histories, known.n_items, wanted.histories, seed)

    def validate(scorer: Scorer) -> float:
        return quality(scorer, parts.train, parts.validation)

    start = time.process_time()
    scorer = recommender.fit(parts.train, FitContext(seed, validate=validate if len(parts.validation) else None))
    fitted = time.process_time()
    ndcg = quality(scorer, known, parts.test)
    return fitted - start, time.process_time() - fitted, ndcg


def main() -> None:
    args = arguments()
    plugins = load_plugins()
    ((dataset, _),) = expand(plugins, "dataset", "ml-100k")
    parts, known = split(build(dataset, {}).load().interactions, args.validation, args.part)
    print(f"{'recommender':40} {'fit s':>8} {'evaluate s':>10} {'NDCG@10':>8}")
    for component, params in expand(plugins, "recommender", f"{args.recommender}[{args.params}]"):
        recommender = build(component, params)
        runs = [measure(recommender, parts, known, seed) for seed in range(args.runs + 1)][1:]
        fit, evaluate, _ = np.median(runs, axis=0)
        ndcg = np.mean([quality for _, _, quality in runs])
        name = f"{component.name}[{','.join(f'{key}={value}' for key, value in params.items())}]".replace("[]", "")
        print(f"{name:40} {fit:8.3f} {evaluate:10.3f} {ndcg:8.4f}")


if __name__ == "__main__":
    main()
