"""The random attack: the control that every other attack must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbench.contracts import AttackerView, ItemStatistics, PoisoningAttacker, Profiles, numpy_rng
from recbench_plugins.attackers.heuristic.assembly import assemble, rate


@dataclass(frozen=True)
class Random(PoisoningAttacker):
    """The targets and uniform fillers (Lam, Riedl, "Shilling recommender systems for fun and profit", WWW 2004).

    Explicit feedback: fillers are rated N(μ, σ) with the mean and deviation of all ratings, rounded to the
    scale. Knowledge: `statistics`, of which only μ and σ are read.
    """

    def craft(self, view: AttackerView) -> Profiles:
        profiles = assemble(view, lambda rows: np.zeros(view.n_items))
        scale = view.budget.scale
        if scale is None:
            return profiles
        mean, deviation = moments_of_all(view.statistics)
        rng = numpy_rng(view.seed, "ratings")
        return rate(view, scale, profiles, rng.normal(mean, deviation, len(profiles.items)))


def moments_of_all(statistics: ItemStatistics) -> tuple[float, float]:
    """Mean and sample deviation of all ratings, from those of the items: within items plus between items.

    An item whose ratings are all equal contributes the deviation that `ItemStatistics` fills in for it.
    """
    assert statistics.means is not None
    assert statistics.stds is not None
    counts = statistics.counts
    mean = np.average(statistics.means, weights=counts)
    within = (np.maximum(counts - 1, 0) * statistics.stds**2).sum()
    between = (counts * (statistics.means - mean) ** 2).sum()
    return float(mean), float(np.sqrt((within + between) / max(counts.sum() - 1, 1)))
