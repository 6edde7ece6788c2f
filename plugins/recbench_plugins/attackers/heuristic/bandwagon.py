"""The bandwagon attack: the targets in the company of what everyone knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, RecbenchError, numpy_rng
from recbench_plugins.attackers.heuristic.assembly import assemble, drawn_from, most, rate
from recbench_plugins.attackers.heuristic.random import moments_of_all


@dataclass(frozen=True)
class Bandwagon(PoisoningAttacker):
    """The targets, some of the most rated items, and uniform fillers (Mobasher, Burke, Bhaumik, Williams, "Toward
    trustworthy recommender systems: an analysis of attack models and algorithm robustness", ACM TOIT 2007).
    Push, or degrade without the targets.

    Explicit feedback: popular items get the top of the scale and fillers N(μ, σ), the mean and deviation of all
    ratings. What is popular is read from counts, never from means. Knowledge: `statistics`.

    The paper selects the same few items for every profile, near `selected=0.05, pool=0.003`. The defaults are what
    the attack has become on implicit feedback, where only the clicks on popular items tell it from random.

    Args:
        selected: share of a profile, beside the targets, that is drawn from the pool.
        pool: share of the catalogue that counts as popular.
    """

    selected: Annotated[float, Field(ge=0, le=1)] = 0.5
    pool: Annotated[float, Field(gt=0, le=1)] = 0.1

    def craft(self, view: AttackerView) -> Profiles:
        if view.goal == "nuke":
            raise RecbenchError("bandwagon pushes; to nuke in its manner take reverse-bandwagon")
        statistics = view.statistics
        popular = most(view, statistics.counts, self.pool)
        profiles = assemble(view, drawn_from(view, popular, self.selected))
        scale = view.budget.scale
        if scale is None:
            return profiles
        drawn = numpy_rng(view.seed, "ratings").normal(*moments_of_all(statistics), len(profiles.items))
        return rate(view, scale, profiles, np.where(popular[profiles.items], scale.high, drawn))
