"""How much the fake profiles stand out from genuine ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recbench.contracts import Metric, Outcome
from recbench.evaluation.stealth import stealth


@dataclass(frozen=True)
class StealthMetric(Metric):
    """Total variation and Jensen-Shannon divergence per item, and their excess over random genuine users.

    Genuine are those with a training row.

    Args:
        subsets: random genuine subsets of the fakes' number that the excess is measured against.
        seed: draws them.
    """

    subsets: int = 200
    seed: int = 0

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        if not len(outcome.profiles):
            return {}
        values = {}
        for name, distance in stealth(outcome.train, outcome.profiles, outcome.scale, self.subsets, self.seed).items():
            values[name] = distance.value
            values[f"{name}-excess"] = distance.excess
            values[f"{name}-percentile"] = distance.percentile
        return values
