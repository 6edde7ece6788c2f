"""Metrics with one mistake each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbench.component import Component
from recbench.contracts import Metric
from recbench_plugins.metrics.ranking import RankingMetric


@dataclass(frozen=True)
class Percent(Metric):
    """D16: another unit under the field's name."""

    def __call__(self, outcome):
        values = RankingMetric(k=(10,))(outcome)
        return {"coverage@10": 100 * values["coverage@10"]}


@dataclass(frozen=True)
class UpsideDown(Metric):
    """A loss under the name of a gain."""

    def __call__(self, outcome):
        return {"map@10": 1 - RankingMetric(k=(10,))(outcome)["map@10"]}


@dataclass(frozen=True)
class CutIdeal(Metric):
    """D34: the ideal list of NDCG@10 holds every relevant item."""

    def __call__(self, outcome):
        top, test = outcome.ranking.top[:, :10], outcome.test
        discounts = 1 / np.log2(np.arange(2, 2 + max(10, int(test.lengths.max()))))
        gains = [
            discounts[:10][np.isin(top[user], test[user])].sum() / discounts[: len(test[user])].sum()
            for user in np.flatnonzero(test.lengths)
        ]
        return {"ndcg@10": float(np.mean(gains))}


@dataclass(frozen=True)
class FirstUsers(Metric):
    """D39: averages over the first rows, whoever they are."""

    def __call__(self, outcome):
        return {"early-rank": float(outcome.ranking.target_ranks[:10].mean())}


@dataclass(frozen=True)
class MeanOfNothing(Metric):
    """D41: NaN where there is nothing to average."""

    def __call__(self, outcome):
        ranks = outcome.ranking.target_ranks[outcome.eligible]
        return {"target-rank": float(ranks.sum() / len(ranks)) if len(ranks) else float("nan")}


def _of(name: str) -> Component:
    return Component("metric", name.lower(), f"{__name__}:{name}")


BROKEN = {
    "shares lie between 0 and 1": _of("Percent"),
    "better lists get better values": _of("UpsideDown"),
    "known lists have known values": _of("CutIdeal"),
    "the order of users does not matter": _of("FirstUsers"),
    "what is undefined is left out": _of("MeanOfNothing"),
}
