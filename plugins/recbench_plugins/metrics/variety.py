"""How varied the fake profiles are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recbench.contracts import Metric, Outcome
from recbench.evaluation.variety import catalogue_share, distinct_share


@dataclass(frozen=True)
class VarietyMetric(Metric):
    """The share of the catalogue that the fakes hold together, and of fakes that are no double of an earlier one.

    Both depend on how many fakes there are and how long: compare attacks of one size.
    """

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        if not len(outcome.profiles):
            return {}
        return {
            "fakes-catalogue-share": catalogue_share(outcome.profiles, outcome.train.n_items),
            "fakes-distinct": distinct_share(outcome.profiles),
        }
