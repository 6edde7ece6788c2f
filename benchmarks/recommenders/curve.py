"""How well a differentiable recommender ranks the validation part as its training goes on.

    python benchmarks/recommenders/curve.py --recommender "sasrec[epochs=24]" --split leave-one-out --after 2 4 8 16 24

Every rating is a positive; the split is 80/10/10 a user at random, or leaves each user's last two items out. The test
part is not looked at. `popularity` and `ials` are ranked beside it. Times are CPU seconds.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from recbench.contracts import FitContext, Params, Scorer
from recbench.contracts.training import optimize
from recbench.data.feedback import binarize
from recbench.data.splits import leave_one_out, ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.plugins import load_plugins
from recbench.specs import build, expand

SPLITS = {"ratio": ratio_split, "leave-one-out": leave_one_out}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recommender", required=True, help="a reference, as in a suite; alternatives are run in turn")
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--split", choices=SPLITS, default="ratio")
    parser.add_argument("--after", type=int, nargs="+", required=True, help="epochs after which it is ranked")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the fit")
    args = parser.parse_args()
    plugins, ctx = load_plugins(), FitContext(args.seed)
    ((dataset, _),) = expand(plugins, "dataset", args.dataset)
    parts = SPLITS[args.split](binarize(build(dataset, {}).load().interactions), args.seed)
    train, validation = parts.train, parts.validation.histories
    audience = Audience.shuffled(np.arange(train.n_users), train.n_users, args.seed)

    def quality(scorer: Scorer) -> str:
        ndcg = validation_quality(scorer, audience, train.histories, train.n_items, validation, args.seed)
        return f"NDCG@10 {ndcg:.4f}"

    for name in ("popularity", "ials"):
        ((component, params),) = expand(plugins, "recommender", name)
        print(f"{name}: {quality(build(component, params).fit(train, ctx))}", flush=True)
    for component, params in expand(plugins, "recommender", args.recommender):
        problem = build(component, params).problem(train, ctx)
        start = time.process_time()

        def report(epoch: int, now: Params) -> None:
            if epoch + 1 in args.after:
                spent = time.process_time() - start  # noqa: B023, called before the next problem is made
                ranked = quality(problem.finish(now))  # noqa: B023
                print(f"{component.name} {params}: {ranked} after {epoch + 1} epochs, {spent:.0f} CPU s", flush=True)  # noqa: B023

        optimize(problem, ctx, on_epoch=report)


if __name__ == "__main__":
    main()
