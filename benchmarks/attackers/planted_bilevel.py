"""The planted task of Tang, Wen, Wang, RecSys 2020 (their synthetic experiment), with the attacker `unrolled-gradient`.

    python benchmarks/attackers/planted_bilevel.py --seeds 5

900 genuine and 100 fake users, 300 items; a user likes the items whose product of Gaussian factors of rank 20 exceeds
5; one liked item of each genuine user is held out. Item 0 is pushed by profiles of the genuine users' mean length, the
target counted (the paper leaves their length free). The surrogate is weighted MF with 16 dimensions, weight 20, Adam
0.5, 100 epochs, all unrolled; profiles start as noise, and the outer descent has learning rate 1 and momentum 0.99
(each profile's gradient is scaled to length 1). Published trace: target HR@10
.039 at step 1, .467 at step 10, .639 at step 50; mean target rank 146 to 48; held-out HR@10 stays at .467 to .483.

Step k is the profiles after k outer steps, whatever the attack chooses in the end; `chosen` is what it returns. "own"
is the surrogate's seed in the first outer step, "fresh" the mean over seeds that the attack never saw; held-out HR@10
is on the own seed. Ranks are among the items that a user did not train on. Times are CPU seconds of crafting.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import astuple, dataclass
from typing import Any, get_args

import numpy as np

from recbench.contracts import (
    AttackerView,
    Budget,
    FitContext,
    Profiles,
    RelaxedProfiles,
    Scorer,
    derive_seed,
    numpy_rng,
    unroll,
)
from recbench.data.interactions import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.exposure import exposure_hit_ratio
from recbench.evaluation.quality import Relevance, hit_ratio
from recbench.evaluation.ranking import rank
from recbench_plugins.attackers.gradient.unrolled_gradient import UnrolledGradient
from recbench_plugins.attackers.objectives import Objective
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

GENUINE, FAKES, ITEMS, RANK, THRESHOLD = 900, 100, 300, 20, 5.0
TARGET = np.zeros(1, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Task:
    """Genuine data in two parts."""

    train: Interactions
    test: Interactions

    @classmethod
    def plant(cls, seed: int) -> Task:
        rng = numpy_rng(seed, "planted")
        scores = rng.standard_normal((GENUINE, RANK)) @ rng.standard_normal((ITEMS, RANK)).T
        users, items = np.nonzero(scores > THRESHOLD)
        order = np.lexsort((rng.random(len(users)), users))
        held_out = np.zeros(len(users), dtype=bool)
        held_out[order[np.unique(users[order], return_index=True)[1]]] = np.bincount(users)[np.unique(users)] > 1
        liked = Interactions(users, items, GENUINE, ITEMS)
        return cls(liked.select(~held_out), liked.select(held_out))

    def judge(self, scorer: Scorer) -> tuple[float, float, float]:
        """The target's HR@10 and mean rank for the users who do not like it, and the HR@10 of the held-out items."""
        everybody = np.arange(GENUINE)
        audience = Audience.shuffled(everybody, GENUINE, seed=0)
        ranking = rank(scorer, audience, self.train.histories, ITEMS, TARGET, 10, seed=0)
        liked = self.train.contains(everybody[:, None], TARGET) | self.test.contains(everybody[:, None], TARGET)
        quality = hit_ratio(Relevance.of(ranking.top, self.test.histories), 10).mean()
        hits = float(exposure_hit_ratio(ranking, ~liked, 10)[0])
        return hits, float(ranking.target_ranks[~liked].mean()), float(quality)


@dataclass(frozen=True)
class Row:
    own_hits: float
    own_rank: float
    fresh_hits: float
    fresh_rank: float
    quality: float


def surrogate(_: str, **params: Any) -> WMFSGD:
    return WMFSGD(**{"dim": 16, "epochs": 100, "alpha": 20.0, "lr": 0.5, "l2": 0.0, **params})


def judge(task: Task, profiles: Profiles, own: int, fresh: int) -> Row:
    """What a surrogate trained on the profiles recommends: on the seed of the attack's first step and on others."""

    def trained(seed: int) -> tuple[float, float, float]:
        problem = surrogate("").problem(task.train, FitContext(0), RelaxedProfiles.of(profiles, ITEMS))
        return task.judge(problem.finish(unroll(problem, seed, last=0)))

    hits, mean_rank, quality = trained(derive_seed(own, "inner", 0))
    others = np.mean([trained(derive_seed(k, "fresh")) for k in range(fresh)], axis=0)
    return Row(hits, mean_rank, others[0], others[1], quality)


def trace(seed: int, args: argparse.Namespace) -> tuple[dict[str, Row], float]:
    """The rows of one seed by their step, and the CPU seconds of crafting."""
    task = Task.plant(seed)
    view = AttackerView(
        targets=TARGET,
        budget=Budget(np.full(FAKES, round(task.train.user_counts.mean())), ITEMS),
        goal="push",
        feedback="implicit",
        n_items=ITEMS,
        seed=seed,
        knowledge=frozenset({"interactions", "surrogate"}),
        secrets={"interactions": task.train, "surrogate": surrogate},
    )
    attacker = UnrolledGradient(
        dim=16,
        epochs=100,
        unrolled_epochs=None,
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
