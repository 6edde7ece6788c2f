"""Ranking quality for genuine users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import PositiveInt

from recbench.contracts import Metric, Outcome
from recbench.evaluation import quality

PER_USER = {
    "recall": quality.recall,
    "precision": quality.precision,
    "f1": quality.f1,
    "ndcg": quality.ndcg,
    "hr": quality.hit_ratio,
    "mrr": quality.mrr,
    "map": quality.average_precision,
}


@dataclass(frozen=True)
class RankingMetric(Metric):
    """Recall, precision, F1, NDCG, hit ratio, MRR, MAP and catalogue coverage at each cut-off.

    Users without test items are left out of the means and counted as `users-left-out`. On the explicit track, too,
    every item of the test part is relevant, whatever its rating.

    Args:
        k: the cut-offs.
    """

    k: tuple[PositiveInt, ...] = (10, 20, 50)

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        top = outcome.ranking.top
        relevance = quality.Relevance.of(top, quality.unseen(outcome.test, outcome.train))
        values = {"users-left-out": float(relevance.left_out)}
        for k in self.k:
            if len(relevance.hits):
                values |= {f"{name}@{k}": float(metric(relevance, k).mean()) for name, metric in PER_USER.items()}
            values[f"coverage@{k}"] = quality.coverage(top, outcome.train.n_items, k)
        return values
