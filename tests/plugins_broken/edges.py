"""Mistakes that show on small or sparse data alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plugins_broken.recommenders import Around
from recbench.component import Component
from recbench.contracts import (
    AttackerView,
    FitContext,
    PoisoningAttacker,
    Profiles,
    RecbenchError,
    Sanitizer,
    Verdict,
    numpy_rng,
)
from recbench.data import Interactions
from recbench_plugins.attackers.evasion.random_insertion import RandomInsertion
from recbench_plugins.recommenders.item_knn import ItemKNN


class SharesOfTheOthers(ItemKNN):
    """Divides by the number of other items, of which there may be none."""

    def fit(self, train, ctx):
        class Scorer(Around):
            def score(self, users):
                scores = self.inner.score(users)
                with np.errstate(invalid="ignore"):
                    return scores / np.float32(scores.shape[1] - 1)

        return Scorer(super().fit(train, ctx))


@dataclass(frozen=True)
class TwentyOfTheBest(PoisoningAttacker):
    """D14: its fillers are of the twenty most popular items of a catalogue that has more."""

    def craft(self, view: AttackerView) -> Profiles:
        if (view.goal, view.feedback) != ("push", "implicit"):
            raise RecbenchError("it pushes, by clicks")
        others = np.setdiff1d(np.arange(view.n_items), view.targets)
        best = others[np.argpartition(view.statistics.counts[others], -20)[-20:]]
        keys = numpy_rng(view.seed, "fillers").random((view.budget.n_profiles, view.n_items))
        keys[:, best] += 1
        keys[:, view.targets] += 2
        return Profiles.from_dense(np.argsort(np.argsort(-keys, axis=1), axis=1) < view.budget.sizes[:, None])


@dataclass(frozen=True)
class AddsWhateverTheBudget(RandomInsertion):
    """It draws as many items as it may add, where there need not be so many."""

    def perturb(self, view, histories):
        numpy_rng(view.seed, "check").choice(view.n_items - len(view.targets), 2, replace=False)
        return super().perturb(view, histories)


@dataclass(frozen=True)
class SharesOfTheSpread(Sanitizer):
    """Suspicion as a share of the distance between the most and the least suspicious, who may be one."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        rarity = train.csr @ np.log(train.n_users / np.maximum(train.item_counts, 1))
        rarity = rarity / np.maximum(train.user_counts, 1)
        with np.errstate(invalid="ignore"):
            suspicion = (rarity - rarity.min()) / np.ptp(rarity)
        return Verdict(suspicion, np.ones(train.n_users, dtype=np.bool_))


EDGES = "it survives one user one item and empty histories"
BROKEN = {EDGES: Component("recommender", "shares-of-the-others", f"{__name__}:SharesOfTheOthers")}
ALSO = {
    EDGES: [
        Component(
            "attacker",
            "twenty-of-the-best",
            f"{__name__}:TwentyOfTheBest",
            provides={"poisoning"},
            knowledge={"statistics"},
            goals={"push"},
            feedback={"implicit"},
            family="control",
        ),
        Component(
            "attacker",
            "adds-whatever-the-budget",
            f"{__name__}:AddsWhateverTheBudget",
            provides={"evasion"},
            requires_recommender={"sequential"},
            family="control",
        ),
        Component(
            "defense",
            "shares-of-the-spread",
            f"{__name__}:SharesOfTheSpread",
            provides={"sanitizer"},
            detects={"random"},
            family="detection",
        ),
    ]
}
"""More mistakes that a check must catch and no other check may."""
