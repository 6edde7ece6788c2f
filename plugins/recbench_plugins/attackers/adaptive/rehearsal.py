"""A rehearsal: what profiles would do to the deployed system, tried on the attacker's own copy of what it sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import (
    AttackerView,
    Differentiable,
    FitContext,
    Profiles,
    RecbenchError,
    RobustTraining,
    Sanitizer,
    Scorer,
    derive_seed,
    numpy_rng,
)
from recbench.data import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import rank


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """The deployed defense, if any, around a surrogate of the victim.

    Nothing of it is the harness's but what the view shows: the profiles are added to the observed interactions under
    ids drawn by lot, a detector judges that copy by its own threshold, and a surrogate is trained on what it keeps, or
    by the robust training. What a deployed system has beside the data, validation rows and the labelled examples of a
    supervised detector, a rehearsal does without.

    Args:
        view: of an attack that sees `interactions` and `defense`.
        surrogate: trained in the victim's place.
        judges: from how many seeds; the success is a mean over them.

    Raises:
        RecbenchError: the goal is neither push nor nuke.
    """

    view: AttackerView
    surrogate: Differentiable
    judges: int

    def __post_init__(self) -> None:
        if self.view.goal == "degrade":
            raise RecbenchError("a rehearsal asks where targets go: the goals are push and nuke, not degrade")

    def success(self, profiles: Profiles) -> float:
        """How far up (to nuke: down) the targets are, in bits: the mean of -log2(rank) over the genuine users who do
        not have them. The difference between two attacks is that of their rank gains."""
        train, ids = injected(self.view.observed, profiles, derive_seed(self.view.seed, "rehearsal"))
        defense = self.view.defense
        if isinstance(defense, Sanitizer):
            verdict = defense.inspect(train, self.view.context("rehearsal", "inspection"))
            verdict.check(train.n_users)
            train = train.select(verdict.keep[train.users])
        fits = [self._fit(train, self.view.context("rehearsal", "fit", judge)) for judge in range(self.judges)]
        sign = -1 if self.view.goal == "nuke" else 1
        return sign * float(np.mean([self._height(scorer, ids) for scorer in fits]))

    def _fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        defense = self.view.defense
        if isinstance(defense, RobustTraining):
            return defense.fit(self.surrogate, train, ctx).scorer
        return self.surrogate.fit(train, ctx)

    def _height(self, scorer: Scorer, ids: NDArray[np.int64]) -> float:
        observed, targets, seed = self.view.observed, self.view.targets, self.view.seed
        audience = Audience.shuffled(ids, observed.n_users, seed)
        ranks = rank(scorer, audience, observed.histories, observed.n_items, targets, 1, seed).target_ranks
        return -float(np.log2(ranks[ranks > 0]).mean()) if ranks.any() else 0.0


def injected(train: Interactions, profiles: Profiles, seed: int) -> tuple[Interactions, NDArray[np.int64]]:
    """The genuine data and the profiles under ids drawn by lot, and the id of every user: genuine ones, then fakes.

    Clicks keep their order; the times that the harness will give to fakes are not the attacker's to know, so that the
    copy has none.
    """
    ids = numpy_rng(seed, "user-ids").permutation(train.n_users + len(profiles))
    ratings = None
    if train.ratings is not None:
        ratings = train.ratings if profiles.ratings is None else np.concatenate([train.ratings, profiles.ratings])
    data = Interactions(
        users=ids[np.concatenate([train.users, train.n_users + profiles.histories.rows])],
        items=np.concatenate([train.items, profiles.items]),
        n_users=len(ids),
        n_items=train.n_items,
        ratings=ratings,
    )
    return data, ids
