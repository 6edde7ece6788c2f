"""Metrics with one mistake each."""

from __future__ import annotations

import os
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
        values = RankingMetric(k=(10,))(outcome)
        return {name: 1 - value for name, value in values.items() if name == "map@10"}


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
        return {"ndcg@10": float(np.mean(gains))} if gains else {}


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


@dataclass(frozen=True)
class ShiftsInPlace(Metric):
    """D10: puts the least suspicion at 0 where it lies, and whoever reads it next reads other numbers."""

    def __call__(self, outcome):
        if outcome.detection is None:
            return {}
        suspicion = outcome.detection.suspicion
        suspicion -= suspicion.min()
        return {"highest-suspicion": float(suspicion.max())}


@dataclass(frozen=True)
class SamplesUnseeded(Metric):
    """D35: a mean over ten users drawn anew each time, of ranks that differ little."""

    def __call__(self, outcome):
        ranks = outcome.ranking.target_ranks
        drawn = np.random.default_rng(int.from_bytes(os.urandom(8))).choice(len(ranks), min(10, len(ranks)))
        return {"early-rank": 1e3 + 1e-6 * float(ranks[drawn].mean())}


def _of(name: str) -> Component:
    return Component("metric", name.lower(), f"{__name__}:{name}")


BROKEN = {
    "shares lie between 0 and 1": _of("Percent"),
    "better lists get better values": _of("UpsideDown"),
    "known lists have known values": _of("CutIdeal"),
    "the order of users does not matter": _of("FirstUsers"),
    "what is undefined is left out": _of("MeanOfNothing"),
}

ALSO = {
    "what it is given is left unchanged": [_of("ShiftsInPlace")],
    "the same seed gives the same result to the bit": [_of("SamplesUnseeded")],
}
"""More mistakes that a check must catch and no other check may."""
