"""Activity and duplicate filter: what a platform does first, before any model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat

from recbench.contracts import FitContext, Sanitizer, Verdict
from recbench.data import Interactions
from recbench_plugins.defenses.detection.neighbourhood import overlap_blocks

Array = NDArray[np.float64]

GROUPS, LEAST = 10, 30
"""Groups of users of like activity, and the least size of one."""
DEVIATION = 1.349
"""Quartile distances are so many standard deviations of a Gaussian."""


@dataclass(frozen=True)
class ActivityFilter(Sanitizer):
    """Users whose number of interactions is out of the ordinary, and users whose interactions another user repeats.

    Activity is log d_u, d_u = number of interactions. Repetition is max over v ≠ u of |I_u ∩ I_v| / d_u, compared among
    users of like activity, since short lists are contained in others by nature. Suspicion is the larger of the two
    distances from the median, in robust standard deviations (quartile distance / 1.349): both sides count, because a
    list that resembles nobody's is as odd as a copy. A control more than a defense: fakes of ordinary length and
    ordinary overlap pass.

    Measured on 80% training splits, attack sizes of 3%, fakes of genuine lengths, one cold target: AUC 1.00 on ml-100k
    and .92 on FilmTrust for the random, average and bandwagon attacks, recall .39 to .60. Without attack it removes 3
    of 943 users of ml-100k and 71 of 1,508 of FilmTrust, a niche that overlaps little with the core; a threshold of 3.5
    (6 and 110) is worse, one of 8 (none and 57) hardly better.

    Args:
        threshold: standard deviations above which a user is removed.
    """

    threshold: PositiveFloat = 5.0

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        active = train.user_counts > 0
        suspicion = np.zeros(train.n_users)
        if active.any():
            lengths = train.user_counts[active]
            repetition = np.concatenate([most.max(axis=1) for _, most in overlap_blocks(train)])[active] / lengths
            activity = robust_deviations(np.log(lengths))
            group = like_activity(lengths)
            alike = np.zeros(len(lengths))
            for each in np.unique(group):
                alike[group == each] = robust_deviations(repetition[group == each])
            suspicion[active] = np.maximum(np.abs(activity), np.abs(alike))
        return Verdict(suspicion, suspicion <= self.threshold)


def robust_deviations(values: Array) -> Array:
    """(x - median) / (quartile distance / 1.349) [n]; 0 for all where the quartiles coincide."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return np.asarray((values - middle) / ((high - low) / DEVIATION)) if high > low else np.zeros(len(values))


def like_activity(lengths: NDArray[np.int64]) -> NDArray[np.intp]:
    """A group for each user [n], of about equal sizes; equal lengths are never separated."""
    groups = max(1, min(GROUPS, len(lengths) // LEAST))
    edges = np.quantile(lengths, np.arange(1, groups) / groups)
    return np.searchsorted(edges, lengths, side="right")
