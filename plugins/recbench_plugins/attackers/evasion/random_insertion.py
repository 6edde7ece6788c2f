"""Random items appended to a history: what an evasion must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbench.contracts import AttackerView, EvasionAttacker, numpy_rng
from recbench.data import Histories
from recbench_plugins.attackers.evasion.appended import appended, free_items


@dataclass(frozen=True)
class RandomInsertion(EvasionAttacker):
    """As many items as the budget allows, drawn uniformly from those that a history does not hold, whatever the goal.
    Knowledge: none beside the histories."""

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        lots = numpy_rng(view.seed, "items").random((len(histories), view.n_items))
        free = free_items(view, histories)
        order = np.argsort(np.where(free, lots, np.inf), axis=1)
        sizes = np.minimum(view.budget.sizes, free.sum(1))
        return appended(histories, [order[k, :size] for k, size in enumerate(sizes)])
