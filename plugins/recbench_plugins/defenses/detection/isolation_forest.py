"""Isolation forest on shilling attributes: who is cut off from the others by few random cuts."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import PositiveInt
from sklearn.ensemble import IsolationForest

from recbench.contracts import FitContext, Sanitizer, Verdict, derive_seed
from recbench.data import Interactions
from recbench_plugins.defenses.detection.attribute_space import Array, judge
from recbench_plugins.defenses.detection.cut_rules import Cut


@dataclass(frozen=True)
class AttributeForest(Sanitizer):
    """Isolation forest (Liu, Ting, Zhou, "Isolation forest", ICDM 2008) on the attributes of `shilling_attributes`.

    Suspicion is 2^(-E h / c), h the depth at which a random tree isolates the user, c that of an average point; random
    axes and cuts look at both tails of every attribute. The forest is never told a contamination.

    Measured on 80% training splits with ratings, attack sizes of 3%, fakes of genuine lengths, one cold target: AUC
    .97 or .98 and recall 1.00 on ml-100k for random, average, bandwagon and popular attacks; .82 to .87 and recall .03
    or less on FilmTrust, where up to 3.7% of the users are removed without attack.

    Args:
        trees: of the forest.
        samples: users each tree is grown on, at most.
        cut: who is removed, see `cut_rules`.
        threshold: of the cut `target-lift`, in standard deviations.
    """

    trees: PositiveInt = 200
    samples: PositiveInt = 256
    cut: Cut = "target-lift"
    threshold: float = 6.0

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        def outlyingness(points: Array) -> Array:
            forest = IsolationForest(
                n_estimators=self.trees,
                max_samples=min(self.samples, len(points)),
                random_state=derive_seed(ctx.seed, "isolation-forest") % 2**32,
            )
            normality: Array = forest.fit(points).score_samples(points)
            return -normality

        return judge(train, outlyingness, self.cut, self.threshold)
