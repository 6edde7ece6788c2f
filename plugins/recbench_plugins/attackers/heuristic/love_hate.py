"""The love/hate attack: one extreme for the targets, the other for everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, RecbenchError
from recbench_plugins.attackers.heuristic.assembly import assemble, rate, rating_scale


@dataclass(frozen=True)
class LoveHate(PoisoningAttacker):
    """The targets at the bottom of the scale and uniform fillers at its top (Mobasher, Burke, Bhaumik, Williams,
    "Toward trustworthy recommender systems", ACM TOIT 2007). Nuke on explicit feedback. Knowledge: none.
    """

    def craft(self, view: AttackerView) -> Profiles:
        scale = rating_scale(view, "love-hate")
        if view.goal != "nuke":
            raise RecbenchError(f"love-hate nukes; it cannot {view.goal}: take random, average or bandwagon")
        profiles = assemble(view, lambda rows: np.zeros(view.n_items))
        return rate(view, scale, profiles, np.full(len(profiles.items), scale.high))
