"""Figures that others published, beside those that the standard recommenders have in the same setting.

    python benchmarks/recommenders/published.py [RUN …] [--seed 0]

A run is one recommender on one data set. Its figures are written to docs/validation/published.csv as soon as they are
found, one row a figure; runs that have theirs there are not repeated, so remove the rows of what has changed. Each run
has a process of its own, which may not address more than 8 GiB. Ranks are among all items that a user has in no other
part. Times are CPU seconds on one thread.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# Before torch and NumPy read them; the processes of the runs inherit them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from recbench.contracts import FitContext, Scorer
from recbench.contracts.dataset import Data
from recbench.data.feedback import binarize
from recbench.data.interactions import Histories, Interactions
from recbench.data.splits import Split, leave_one_out, published_split, ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.quality import Relevance, hit_ratio, ndcg, recall
from recbench.evaluation.ragged import entries
from recbench.evaluation.ranking import rank, validation_quality
from recbench.plugins import load_plugins
from recbench.specs import build, expand
from recbench.store.files import write_file

KEPT = Path(__file__).parents[2] / "docs" / "validation" / "published.csv"
MEMORY = 8 << 30
"""Bytes of address space that a run may have."""
METRICS = {"hr": hit_ratio, "ndcg": ndcg, "recall": recall}

Parts = Callable[[Data, int], Split]


def fifth(data: Data, seed: int) -> Split:
    """Ratings of 3 and more; a random fifth of each user's is the test part, nothing is set aside for validation."""
    return ratio_split(binarize(data.interactions, 3), seed, validation=0.0, test=0.2)


def tenths(data: Data, seed: int) -> Split:
    """Ratings of 3 and more; a random tenth of each user's for validation, another for the test."""
    return ratio_split(binarize(data.interactions, 3), seed)


def last_two(data: Data, seed: int) -> Split:
    """Each user's last item is the test part, the one before validates; both are known where the last is asked for."""
    return leave_one_out(data.interactions, seed)


def publisher(data: Data, seed: int) -> Split:
    """The publisher's training and test files, nothing set aside for validation."""
    assert data.published is not None
    return published_split(data.interactions, data.published, seed, validation=0.0)


@dataclass(frozen=True)
class Run:
    """One recommender in the setting of published figures.

    Args:
        recommender: a reference with the parameters that differ from the defaults.
        parts: the split.
        published: figures by metric and cut-off, as in `ndcg@10`; None where nobody published one.
        source: who published them, and of which model.
    """

    dataset: str
    recommender: str
    parts: Parts
    published: Mapping[str, float | None]
    source: str


ELSEWHERE = "measured with another library on another such split, see the page"
SASREC = "sasrec[dropout=0.5,lr=0.002,candidates=1024,epochs=40,every=4]"
SOFTMAX = "SASRec with a sampled softmax (Tikhonovich et al., RecSys 2025), table of its repository"
RUNS = {
    "ease-ml-1m": Run("ml-1m", "ease", fifth, {"ndcg@10": 0.404}, f"EASE in NumPy, {ELSEWHERE}"),
    "ials-ml-1m": Run(
        "ml-1m",
        "ials[dim=128,alpha0=0.3,lam=0.007,epochs=10]",
        fifth,
        {"ndcg@10": 0.396},
        f"iALS of irspack 0.5.2, {ELSEWHERE}",
    ),
    "bpr-ml-1m": Run("ml-1m", "bpr-mf[rowwise=true,epochs=30]", fifth, {"ndcg@10": None}, ""),
    "ials-gowalla": Run(
        "gowalla",
        "ials[dim=1024,alpha0=0.003,lam=0.005]",
        publisher,
        {"recall@20": 0.1830, "ndcg@20": 0.1554},
        "LightGCN, in its paper (He et al., SIGIR 2020)",
    ),
    "bpr-gowalla": Run(
        "gowalla",
        "bpr-mf[rowwise=true,epochs=30]",
        publisher,
        {"recall@20": 0.1627, "ndcg@20": 0.1378},
        "MF-BPR of BARS (Zhu et al., SIGIR 2022), gowalla_m1",
    ),
    "sasrec-beauty": Run(
        "amazon-beauty", SASREC, last_two, {"hr@5": None, "ndcg@5": None, "hr@10": 0.0921, "ndcg@10": 0.0531}, SOFTMAX
    ),
    "sasrec-sports": Run("amazon-sports", SASREC, last_two, {"hr@10": 0.0569, "ndcg@10": 0.0314}, SOFTMAX),
    "sasrec-toys": Run("amazon-toys", SASREC, last_two, {"hr@10": 0.0970, "ndcg@10": 0.0580}, SOFTMAX),
    "lightgcn-ml-1m": Run(
        "ml-1m", "lightgcn", tenths, {"recall@10": 0.1861, "ndcg@10": 0.2538}, "LightGCN of RecBole-GNN, its table"
    ),
}


class AfterValidation:
    """Scores of users with these items, of a sequential model that was fitted to fewer of them."""

    def __init__(self, scorer: Any, known: Histories) -> None:
        self.scorer, self.known = scorer, known

    def score(self, users: np.ndarray) -> Any:
        rows, positions = entries(self.known.indptr, users)
        indptr = np.append(0, np.bincount(rows, minlength=len(users)).cumsum())
        return self.scorer.score_histories(Histories(indptr, self.known.items[positions]))


def together(train: Interactions, validation: Interactions) -> Interactions:
    """Both parts; within a user the order of each is kept, and what validates comes last."""
    users, items = (np.concatenate([getattr(part, key) for part in (train, validation)]) for key in ("users", "items"))
    return Interactions(users, items, train.n_users, train.n_items)


def found(name: str, seed: int) -> list[dict[str, Any]]:
    """The rows of a run, made in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    run, plugins = RUNS[name], load_plugins()
    ((dataset, _),) = expand(plugins, "dataset", run.dataset)
    ((component, params),) = expand(plugins, "recommender", run.recommender)
    parts = run.parts(build(dataset, {}).load(), seed)
    audience = Audience.shuffled(np.arange(parts.train.n_users), parts.train.n_users, seed)
    start = time.process_time()

    def validate(scorer: Scorer) -> float:
        train, validation = parts.train.histories, parts.validation.histories
        quality = validation_quality(scorer, audience, train, parts.train.n_items, validation, seed)
        print(f"{name}: validation NDCG@10 {quality:.4f} after {time.process_time() - start:.0f} CPU s", flush=True)
        return quality

    ctx = FitContext(seed, validate=validate if len(parts.validation) else None)
    scorer = build(component, params).fit(parts.train, ctx)
    fitted = time.process_time()
    known = together(parts.train, parts.validation)
    if "sequential" in component.provides:
        scorer = AfterValidation(scorer, known.histories)
    cut = max(int(metric.partition("@")[2]) for metric in run.published)
    ranking = rank(scorer, audience, known.histories, known.n_items, np.zeros(0, np.int64), cut, seed)
    relevance = Relevance.of(ranking.top, parts.test.histories)
    ranked = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = []
    for figure, published in run.published.items():
        metric, _, k = figure.partition("@")
        rows.append(
            {
                "run": name,
                "figure": figure,
                "published": "" if published is None else f"{published:.4f}",
                "measured": f"{METRICS[metric](relevance, int(k)).mean():.4f}",
                "seed": seed,
                "fit_s": f"{fitted - start:.1f}",
                "rank_s": f"{ranked - fitted:.1f}",
                "peak_mib": f"{peak:.0f}",
                "dataset": run.dataset,
                "recommender": run.recommender,
                "parts": run.parts.__name__,
                "source": run.source,
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
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the fit")
    args = parser.parse_args()
    for name in args.runs or RUNS:
        if name not in RUNS:
            parser.error(f"no run {name!r}; there are {', '.join(RUNS)}")
        if any((row["run"], row["seed"]) == (name, str(args.seed)) for row in kept()):
            print(f"{name}: kept in {KEPT.name}")
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            rows = process.submit(found, name, args.seed).result()
        # Read again: another process may have kept a run meanwhile.
        rows = [*kept(), *rows]
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_file(KEPT, text.getvalue().encode())
        for row in rows[-len(RUNS[name].published) :]:
            print(f"{name}: {row['figure']} {row['measured']}, published {row['published'] or 'none'}", flush=True)


if __name__ == "__main__":
    main()
