"""What the text of items is worth where few have clicked them: docs/validation/text.csv.

    python benchmarks/recommenders/text.py [RUN …] [--users 10000] [--seed 0]

Of amazon-video-games with all of its items, cut to users drawn by lot, each user's last game is the test part; the one
before it validates: it stops the training, and the settings below were chosen by it. Every model knows the training
part alone, and ranks all items that are in neither that nor the validation part. A run has a process of its own, and
its rows, one a number of training interactions that the test item has, are kept as soon as they are found: remove those
of what has changed. Times are CPU seconds on one thread.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# Before torch and NumPy read them; the processes of the runs inherit them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
from published import together

from recbench.contracts import FitContext, Scorer
from recbench.data import Interactions
from recbench.data.splits import leave_one_out
from recbench.evaluation.audience import Audience
from recbench.evaluation.quality import Relevance, hit_ratio, ndcg
from recbench.evaluation.ranking import rank, validation_quality
from recbench.plugins import load_plugins
from recbench.seeds import numpy_rng
from recbench.specs import build, expand
from recbench.store.files import write_file

KEPT = Path(__file__).parents[2] / "docs" / "validation" / "text.csv"
DATASET = "amazon-video-games"
K = 10
RUNS = {
    "popularity": "popularity",
    "bpr-mf": "bpr-mf[rowwise=true,l2=0.05]",
    "sasrec": "sasrec[dropout=0.5,lr=0.002,candidates=1024,epochs=24,every=4]",
    "unisrec": "unisrec[epochs=24,every=4]",
    "unisrec-inductive": "unisrec[ids=false,epochs=24,every=4]",
}
EVER = 10**9
BUCKETS = {
    "0": (0, 0),
    "1-2": (1, 2),
    "3-5": (3, 5),
    "0-5": (0, 5),
    "6-20": (6, 20),
    "21-": (21, EVER),
    "all": (0, EVER),
}
"""Training interactions of the test item, from and to."""


def cut(data: Interactions, users: int, seed: int) -> Interactions:
    """The interactions of so many users, drawn by lot."""
    drawn = np.sort(numpy_rng(seed, "users").permutation(data.n_users)[:users])
    kept = data.select(np.isin(data.users, drawn))
    return Interactions(np.searchsorted(drawn, kept.users), kept.items, len(drawn), data.n_items)


def found(name: str, users: int, seed: int) -> list[dict[str, Any]]:
    """The rows of a run, made in a process of its own."""
    plugins = load_plugins()
    ((dataset, _),) = expand(plugins, "dataset", DATASET)
    ((component, params),) = expand(plugins, "recommender", RUNS[name])
    data = build(dataset, {}).load()
    parts = leave_one_out(cut(data.interactions, users, seed), seed)
    train, n_users, n_items = parts.train, parts.train.n_users, parts.train.n_items
    audience = Audience.shuffled(np.arange(n_users), n_users, seed)
    validated = [0.0]
    start = time.process_time()

    def validate(scorer: Scorer) -> float:
        validated.append(
            validation_quality(scorer, audience, train.histories, n_items, parts.validation.histories, seed)
        )
        print(f"{name}: validation {validated[-1]:.4f} after {time.process_time() - start:.0f} CPU s", flush=True)
        return validated[-1]

    scorer = build(component, params).fit(train, FitContext(seed, catalog=data.catalog, validate=validate))
    fitted = time.process_time() - start
    if len(validated) == 1:
        validate(scorer)
    consumed = together(train, parts.validation).histories
    ranking = rank(scorer, audience, consumed, n_items, np.zeros(0, np.int64), K, seed)
    relevance = Relevance.of(ranking.top, parts.test.histories)
    gains, hits = ndcg(relevance, K), hit_ratio(relevance, K)
    counts = train.item_counts[parts.test.items]  # one a user, in the order of the users, as the gains are
    rows = []
    for bucket, (least, most) in BUCKETS.items():
        asked = (counts >= least) & (counts <= most)
        rows.append(
            {
                "run": name,
                "users": n_users,
                "seed": seed,
                "interactions": bucket,
                "test_users": int(asked.sum()),
                "ndcg@10": f"{gains[asked].mean():.5f}",
                "standard_error": f"{gains[asked].std(ddof=1) / asked.sum() ** 0.5:.5f}",
                "hr@10": f"{hits[asked].mean():.5f}",
                "hits": int(hits[asked].sum()),
                "validation": f"{max(validated):.4f}",
                "fit_s": f"{fitted:.0f}",
                "recommender": RUNS[name],
            }
        )
    return rows


def kept() -> list[dict[str, Any]]:
    if not KEPT.exists():
        return []
    with KEPT.open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"all by default: {', '.join(RUNS)}")
    parser.add_argument("--users", type=int, default=10_000, help="drawn by lot, of 50,546; 10,000 by default")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of the fit")
    args = parser.parse_args()
    for name in args.runs or RUNS:
        if name not in RUNS:
            parser.error(f"no run {name!r}; there are {', '.join(RUNS)}")
        question = (name, str(args.users), str(args.seed))
        if any((row["run"], row["users"], row["seed"]) == question for row in kept()):
            print(f"{name}: kept in {KEPT.name}")
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            rows = process.submit(found, name, args.users, args.seed).result()
        # Read again: another process may have kept a run meanwhile.
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept(), *rows])
        write_file(KEPT, text.getvalue().encode())
        for row in rows:
            print(*row.values(), flush=True)


if __name__ == "__main__":
    main()
