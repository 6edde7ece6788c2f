"""Local outlier factor on shilling attributes: who stands in a thinner place than the neighbours do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import PositiveInt
from sklearn.neighbors import LocalOutlierFactor

from recbench.contracts import FitContext, Sanitizer, Verdict
from recbench.data import Interactions
from recbench_plugins.defenses.detection.attribute_space import Array, judge
from recbench_plugins.defenses.detection.cut_rules import Cut


@dataclass(frozen=True)
class AttributeLOF(Sanitizer):
    """Local outlier factor (Breunig, Kriegel, Ng, Sander, "LOF: identifying density-based local outliers", SIGMOD 2000)
    on the attributes of `shilling_attributes`.

    Suspicion is the mean density of a user's nearest neighbours over the user's own. Users with equal attributes count
    once: coinciding points have infinite density. Fakes that are more than `neighbours` and alike are a dense place of
    their own and *less* suspicious than genuine users; the factor is made for few and scattered ones.

    Measured on 80% training splits with ratings, attack sizes of 3%, fakes of genuine lengths, one cold target: AUC
    .91 to .96 and recall .48 to 1.00 on ml-100k, .47 to .55 on FilmTrust (.85 for the popular attack); nobody is
    removed without attack.

    Args:
        neighbours: of which the density is estimated.
        cut: who is removed, see `cut_rules`.
        threshold: of the cut `target-lift`, in standard deviations.
    """

    neighbours: PositiveInt = 35
    cut: Cut = "target-lift"
    threshold: float = 6.0

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        def outlyingness(points: Array) -> Array:
            # Equal attributes are points that differ in their last digits.
            _, first, place = np.unique(points.round(8), axis=0, return_index=True, return_inverse=True)
            distinct = points[first]
            if len(distinct) < 2:
                return np.zeros(len(points))
            lof = LocalOutlierFactor(n_neighbors=min(self.neighbours, len(distinct) - 1)).fit(distinct)
            return np.asarray(-lof.negative_outlier_factor_[place.ravel()])

        return judge(train, outlyingness, self.cut, self.threshold)
