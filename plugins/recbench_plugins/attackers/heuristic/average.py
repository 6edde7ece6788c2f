"""The average attack: every filler is rated as the item usually is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, numpy_rng
from recbench_plugins.attackers.heuristic.assembly import ByItem, assemble, most, rate


@dataclass(frozen=True)
class Average(PoisoningAttacker):
    """The targets and uniform fillers (Lam, Riedl, "Shilling recommender systems for fun and profit", WWW 2004).

    Explicit feedback, push and nuke: item i is rated N(μ_i, σ_i), its own mean and deviation, rounded to the scale.
    Implicit feedback (push) has no statistic of an item but its count; there, which is not in the paper, fillers
    are drawn without replacement with probability proportional to the counts. Knowledge: `statistics`.

    Args:
        pool: fillers come from this share of the catalogue, the most popular items; less than 1 is average over
            popular (Hurley, Cheng, Zhang, "Statistical attack detection", RecSys 2009).
    """

    pool: Annotated[float, Field(gt=0, le=1)] = 1.0

    def craft(self, view: AttackerView) -> Profiles:
        statistics = view.statistics
        inside = most(view, statistics.counts, self.pool)
        scale = view.budget.scale
        if scale is None:
            return assemble(view, in_proportion(view, np.where(inside, statistics.counts, 0)))
        profiles = assemble(view, lambda rows: inside)
        assert statistics.means is not None
        assert statistics.stds is not None
        rng = numpy_rng(view.seed, "ratings")
        drawn = rng.normal(statistics.means[profiles.items], statistics.stds[profiles.items])
        return rate(view, scale, profiles, drawn)


def in_proportion(view: AttackerView, counts: NDArray[np.int64]) -> ByItem:
    """Levels whose order is a draw without replacement in proportion to the counts.

    The largest of log c_i plus Gumbel noise are such a draw (Kool, van Hoof, Welling, "Stochastic beams and where
    to find them", ICML 2019, section 2).
    """
    rng = numpy_rng(view.seed, "in proportion")
    logits = np.log(np.maximum(counts, 1e-9))

    def levels(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        # Levels are whole numbers; so fine, they hardly ever tie.
        return np.asarray(np.floor(2.0**32 * (logits + rng.gumbel(size=(len(rows), len(logits))))))

    return levels
