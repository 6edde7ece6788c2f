"""The attacker `unrolled-gradient` on the planted bilevel task of the conformance kit, step by step.

    python benchmarks/attackers/planted_bilevel.py --seeds 5

The task, its surrogate and the published trace: recbench/conformance/bilevel.py. As in the paper, profiles start as
noise and the outer descent has learning rate 1 and momentum 0.99 (each profile's gradient is scaled to length 1); all
of the training is unrolled.

Step k is the profiles after k outer steps, whatever the attack chooses in the end; `chosen` is what it returns. "own"
is the surrogate's seed in the first outer step, "fresh" the mean over seeds that the attack never saw; held-out HR@10
is on the own seed. Ranks are among the items that a user did not train on. Times are CPU seconds of crafting.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import astuple, dataclass
from typing import get_args

import numpy as np

from recbench.conformance.bilevel import BilevelTask
from recbench.contracts import Profiles, derive_seed
from recbench_plugins.attackers.gradient.unrolled_gradient import UnrolledGradient
from recbench_plugins.attackers.objectives import Objective


@dataclass(frozen=True)
class Row:
    own_hits: float
    own_rank: float
    fresh_hits: float
    fresh_rank: float
    quality: float


def judge(task: BilevelTask, profiles: Profiles, own: int, fresh: int) -> Row:
    """What a surrogate trained on the profiles recommends: on the seed of the attack's first step and on others."""
    first = task.judge(profiles, derive_seed(own, "inner", 0))
    others = [task.judge(profiles, derive_seed(k, "fresh")) for k in range(fresh)]
    hits, mean_rank, _ = np.mean([astuple(trace) for trace in others], axis=0)
    return Row(first.hits, first.rank, hits, mean_rank, first.quality)


def trace(seed: int, args: argparse.Namespace) -> tuple[dict[str, Row], float]:
    """The rows of one seed by their step, and the CPU seconds of crafting."""
    task = BilevelTask.plant(seed)
    view = task.view(frozenset({"interactions", "surrogate"}), seed)
    attacker = UnrolledGradient(
        steps=max(args.steps),
        lr=args.lr,
        momentum=args.momentum,
        objective=args.objective,
        latent=not args.projected,
        noise=args.noise,
        rotate=args.rotate,
        held_out=args.held_out,
    )
    start = time.process_time()
    iterates = list(attacker.descend(view))
    seconds = time.process_time() - start
    for iterate in iterates:
        iterate.profiles.check(view.budget)
        assert (iterate.profiles.histories.lengths == view.budget.sizes).all()
    shown = {str(step): iterates[step] for step in args.steps}
    shown["chosen"] = min(iterates, key=lambda iterate: iterate.loss)
    return {name: judge(task, iterate.profiles, seed, args.fresh) for name, iterate in shown.items()}, seconds


def show(seed: str, step: str, row: Row, seconds: float) -> None:
    columns = f"{row.own_hits:8.3f}{row.own_rank:7.1f}{row.fresh_hits:10.3f}{row.fresh_rank:7.1f}{row.quality:10.3f}"
    print(f"{seed:>5}{step:>8}{columns}{seconds:8.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=lambda text: [int(each) for each in text.split(",")], default=[0, 10, 20, 50])
    parser.add_argument("--objective", choices=get_args(Objective), default="cross-entropy", help="the paper's")
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--momentum", type=float, default=0.99)
    parser.add_argument("--noise", type=float, default=1.0, help="share of noise in the start, the rest genuine rows")
    parser.add_argument("--projected", action="store_true", help="the paper's projection of the outer variable")
    parser.add_argument("--rotate", action="store_true", help="another surrogate seed in every step, not one")
    parser.add_argument("--held-out", type=int, default=0, help="surrogate seeds that choose the step; 0: its own")
    parser.add_argument("--fresh", type=int, default=3, help="surrogate seeds that judge it")
    args = parser.parse_args()
    print("              own seed          fresh seeds    held-out")
    print(f"{'seed':>5}{'step':>8}{'HR@10':>8}{'rank':>7}{'HR@10':>10}{'rank':>7}{'HR@10':>10}{'CPU s':>8}")
    runs = []
    for seed in range(args.seeds):
        rows, seconds = trace(seed, args)
        runs.append((rows, seconds))
        for step, row in rows.items():
            show(str(seed), step, row, seconds)
    for step in runs[0][0]:
        mean = np.mean([astuple(rows[step]) for rows, _ in runs], axis=0)
        show("mean", step, Row(*mean), float(np.median([seconds for _, seconds in runs])))


if __name__ == "__main__":
    main()
