"""The popular attack: the targets beside what everyone consumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles
from recbench_plugins.attackers.heuristic.assembly import assemble, rate


@dataclass(frozen=True)
class Popular(PoisoningAttacker):
    """The targets and the most popular items (O'Mahony, Hurley, Silvestre, "Recommender systems: attack types and
    strategies", AAAI 2005).

    Explicit feedback: a well-liked filler (its mean is at least the mean of all ratings) is rated one step above
    the bottom of the scale and any other at the bottom: that keeps the profile correlated with genuine ones while
    its mean is low, so that the target stands out as far as possible. To nuke, all of it is turned around: the
    top for well-liked fillers, one step below for others. Knowledge: `statistics`.
    """

    def craft(self, view: AttackerView) -> Profiles:
        statistics = view.statistics
        profiles = assemble(view, lambda rows: statistics.counts)
        scale = view.budget.scale
        if scale is None:
            return profiles
        assert statistics.means is not None
        liked = statistics.means >= np.average(statistics.means, weights=statistics.counts)
        lower = scale.high - scale.step if view.goal == "nuke" else scale.low
        return rate(view, scale, profiles, (lower + scale.step * liked)[profiles.items])
