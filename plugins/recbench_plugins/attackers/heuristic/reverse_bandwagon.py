"""The reverse bandwagon attack: the targets in the company of what everyone knows and nobody likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, RecbenchError, numpy_rng
from recbench_plugins.attackers.heuristic.assembly import assemble, drawn_from, most, rate, rating_scale
from recbench_plugins.attackers.heuristic.random import moments_of_all


@dataclass(frozen=True)
class ReverseBandwagon(PoisoningAttacker):
    """The targets and widely rated, disliked items at the bottom of the scale (Mobasher, Burke, Bhaumik, Williams,
    "Toward trustworthy recommender systems", ACM TOIT 2007). Nuke on explicit feedback.

    Disliked items are those of the lowest mean among the items rated at least as often as three quarters of the
    catalogue: an item with two bad ratings is not widely disliked. Fillers are uniform and rated N(μ, σ), with the
    mean and deviation of all ratings. Knowledge: `statistics`.

    Args:
        selected: share of a profile, beside the targets, that is disliked items.
        pool: share of the catalogue that counts as disliked.
    """

    selected: Annotated[float, Field(ge=0, le=1)] = 0.5
    pool: Annotated[float, Field(gt=0, le=0.25)] = 0.05

    def craft(self, view: AttackerView) -> Profiles:
        scale = rating_scale(view, "reverse-bandwagon")
        if view.goal != "nuke":
            raise RecbenchError(f"reverse-bandwagon nukes; it cannot {view.goal}: to push in its manner take bandwagon")
        statistics = view.statistics
        assert statistics.means is not None
        known = statistics.counts >= np.quantile(statistics.counts, 0.75)
        disliked = most(view, np.where(known, -statistics.means, -np.inf), self.pool)
        profiles = assemble(view, drawn_from(view, disliked, self.selected))
        drawn = numpy_rng(view.seed, "ratings").normal(*moments_of_all(statistics), len(profiles.items))
        return rate(view, scale, profiles, np.where(disliked[profiles.items], scale.low, drawn))
