"""What `amp` and `compile` cost and spare on ml-100k, and how much of the ranking they leave.

    python benchmarks/recommenders/acceleration.py --pairs "bpr-mf compile" "item-autoencoder amp"

Of each pair four fits in one process, without and with the option in turn, on a random four fifths of each user's
interactions; CPU seconds of the fit, with those of compilers that it starts. `compile` begins with an empty cache, so
its first fit compiles and its second finds the programs on disk. `--epochs` shortens all fits alike.

Lists are the 10 best unseen items of every user. A retraining floor stands beside them: what a change of the initial
parameters by a millionth leaves of the lists, and what another seed does.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from bench_ml100k import SEED, split

from recbench.contracts import FitContext, optimize, torch_rng
from recbench.data.interactions import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.plugins import load_plugins
from recbench.specs import build, expand
from recbench_plugins.recommenders.acceleration import first_scores, shared


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU seconds of fits with and without amp and compile.")
    parser.add_argument("--pairs", nargs="+", required=True, help="a recommender and an option: 'bpr-mf compile'")
    parser.add_argument("--epochs", type=int, help="instead of the recommender's own")
    parser.add_argument("--steps", nargs="+", type=int, help="compare after so many steps instead of fitting")
    return parser.parse_args()


def cpu_seconds() -> float:
    """Of this process and of those that it has started and seen end."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def timed(recommender: Any, train: Interactions) -> tuple[float, Any]:
    """CPU seconds of a fit, and the scorer."""
    start = cpu_seconds()
    scorer = recommender.fit(train, FitContext(SEED))
    return cpu_seconds() - start, scorer


def unseen_scores(scorer: Any, train: Interactions) -> torch.Tensor:
    """Scores [n_users, n_items], minus infinity for what a user has."""
    scores = torch.as_tensor(scorer.score(np.arange(train.n_users))).clone()
    scores[torch.tensor(train.users).long(), torch.tensor(train.items).long()] = -torch.inf
    return scores


def nudged(recommender: Any, train: Interactions) -> Any:
    """The problem of the recommender with its initial parameters changed by a millionth."""
    problem = recommender.problem(train, FitContext(SEED))
    original = problem.init

    def init(seed: int) -> dict[str, torch.Tensor]:
        params = original(seed)
        return {k: v * (1 + 1e-6 * torch.randn(v.shape, generator=torch_rng(0, k))) for k, v in params.items()}

    problem.init = init
    return problem


def floors(recommender: Any, train: Interactions, scores: torch.Tensor) -> tuple[float, float]:
    """What is left of the lists by a change of a millionth of the initial parameters, and by another seed."""
    problem = nudged(recommender, train)
    noise = problem.finish(optimize(problem, FitContext(SEED)))
    other = recommender.fit(train, FitContext(SEED + 1))
    left = [shared(scores, unseen_scores(each, train), 10) for each in (noise, other)]
    return left[0], left[1]


def after_steps(name: str, option: str, plain: Any, train: Interactions, steps: list[int]) -> None:
    """Print what is left of the lists of the first training steps."""
    problem = plain.problem(train, FitContext(SEED))
    others = {
        option: (replace(plain, **{option: True}).problem(train, FitContext(SEED)), SEED),
        "by a nudge": (nudged(plain, train), SEED),
        "by another seed": (problem, SEED + 1),
    }
    for label, (other, seed) in others.items():
        left = [shared(first_scores(problem, SEED, n), first_scores(other, seed, n), 10) for n in steps]
        print(f"{name}, {label}, after {steps} steps: {[round(each, 3) for each in left]}", flush=True)


def main() -> None:
    args = arguments()
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(prefix="recbench-inductor-")
    torch.set_num_threads(1)
    plugins = load_plugins()
    ((dataset, _),) = expand(plugins, "dataset", "ml-100k")
    parts, known = split(build(dataset, {}).load().interactions, 0.0)
    audience = Audience.shuffled(np.arange(known.n_users), known.n_users, SEED)

    def ndcg(scorer: Any) -> float:
        test = parts.test.histories
        return validation_quality(scorer, audience, known.histories, known.n_items, test, SEED)

    for pair in args.pairs:
        name, option = pair.split()
        ((component, _),) = expand(plugins, "recommender", name)
        plain = build(component, {} if args.epochs is None else {"epochs": args.epochs})
        if args.steps is not None:
            after_steps(name, option, plain, parts.train, args.steps)
            continue
        fast = replace(plain, **{option: True})
        fits = [timed(recommender, parts.train) for recommender in (plain, fast, plain, fast)]
        seconds = [spent for spent, _ in fits]
        scores = [unseen_scores(scorer, parts.train) for _, scorer in fits]
        noise, other = floors(plain, parts.train, scores[0])
        print(
            f"{name} {option}, {plain.epochs} epochs: without {seconds[0]:.2f} and {seconds[2]:.2f} CPU s, "
            f"with {seconds[1]:.2f} ({seconds[1] / seconds[0]:.2f} x) and {seconds[3]:.2f} "
            f"({seconds[3] / seconds[2]:.2f} x); the same twice: {torch.equal(scores[1], scores[3])}; lists kept "
            f"{shared(scores[0], scores[1], 10):.3f}, by a nudge {noise:.3f}, by another seed {other:.3f}; "
            f"NDCG@10 {ndcg(fits[0][1]):.4f} without, {ndcg(fits[1][1]):.4f} with",
            flush=True,
        )


if __name__ == "__main__":
    main()
