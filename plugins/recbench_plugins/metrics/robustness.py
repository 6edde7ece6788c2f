"""How far the attack moved the recommendations of genuine users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import PositiveInt

from recbench.contracts import Metric, Outcome
from recbench.evaluation import quality, robustness


@dataclass(frozen=True)
class RobustnessMetric(Metric):
    """Utility lost against the clean twin (positive is a loss), and overlap of the top lists with the twin's.

    Args:
        k: the cut-offs.
        p: rank-biased overlap's weight of going one place deeper; it is computed over the whole lists.
    """

    k: tuple[PositiveInt, ...] = (10, 20, 50)
    p: float = 0.9

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        if outcome.clean is None:
            return {}
        now, before = outcome.ranking.top, outcome.clean.top
        test = quality.unseen(outcome.test, outcome.train)
        relevance, twin = quality.Relevance.of(now, test), quality.Relevance.of(before, test)
        overlap = robustness.Overlap.of(before, now)
        values = {"rbo": float(robustness.rbo(overlap, self.p).mean())}
        for k in self.k:
            values[f"jaccard@{k}"] = float(robustness.jaccard(overlap, k).mean())
            if len(relevance.hits):
                for name, metric in (("ndcg", quality.ndcg), ("recall", quality.recall)):
                    values[f"{name}-drop@{k}"] = float((metric(twin, k) - metric(relevance, k)).mean())
        return values
