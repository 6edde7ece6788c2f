"""What a training step of `bpr-mf` costs on large tables: whole ones, and the rows of the batch alone (`rowwise`).

    python benchmarks/scale/steps.py [--users 200_000] [--items 50_000] [--batch 4096 65536]

Both train on the same power-law data and take turns. Per step, medians of the turns: CPU milliseconds in all, of the
gradient alone, and of what is left, which is the optimizer and, of row-wise steps, taking the rows. What a training
costs before its first step is taken off, and triples are drawn before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from itertools import islice

# Before torch reads it.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from tabulate import tabulate

from recbench.contracts import Batch, FitContext, Params, Problem, optimize
from recbench.data.synthetic import power_law
from recbench.plugins import load_plugins
from recbench.specs import build, expand

STEPS = 10
SEED = 0


def timed(problem: Problem) -> tuple[float, float, Params]:
    """CPU milliseconds of a step and of its gradient, and what was trained."""
    in_gradient = 0.0
    gradients = problem.gradients
    drawn = list(islice(problem.batches(SEED, 0), STEPS))

    def watched(params: Params, batch: Batch) -> Params:
        nonlocal in_gradient
        start = time.process_time()
        result = gradients(params, batch)
        in_gradient += time.process_time() - start
        return result

    problem.gradients = watched  # type: ignore[method-assign]
    problem.batches = lambda *_: iter(drawn)  # type: ignore[method-assign]
    seconds = []
    for problem.epochs in (0, 1):
        start = time.process_time()
        trained = optimize(problem, FitContext(SEED))
        seconds.append(time.process_time() - start)
    return 1000 * (seconds[1] - seconds[0]) / STEPS, 1000 * in_gradient / STEPS, trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--batch", type=int, nargs="+", default=[4096, 65536])
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    plugins = load_plugins()
    rows = []
    data = power_law(args.users, args.items, STEPS * max(args.batch), SEED)
    for batch in args.batch:
        turns: dict[str, list[tuple[float, float]]] = {"false": [], "true": []}
        for _ in range(args.turns):
            trained = []
            for rowwise, spent in turns.items():
                spec = f"bpr-mf[batch_size={batch},rowwise={rowwise}]"
                ((component, params),) = expand(plugins, "recommender", spec)
                step, gradient, result = timed(build(component, params).problem(data, FitContext(SEED)))
                spent.append((step, gradient))
                trained.append(result)
            for name, table in trained[0].items():
                # Adagrad's first step is all but the sign of the gradient, which may be rounding.
                torch.testing.assert_close(trained[1][name], table, rtol=0, atol=0.01)
        whole = statistics.median(step for step, _ in turns["false"])
        for rowwise, spent in turns.items():
            step, gradient = (statistics.median(values) for values in zip(*spent, strict=True))
            rows.append(
                [batch, rowwise, f"{step:.1f}", f"{gradient:.1f}", f"{step - gradient:.1f}", f"{whole / step:.1f}"]
            )
    print(tabulate(rows, ["batch", "rowwise", "step, CPU ms", "gradient", "the rest", "whole / this"]))


if __name__ == "__main__":
    main()
