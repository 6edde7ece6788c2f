"""The best of N poisons under the deployed defense: an adaptive attack on whatever can be deployed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import PositiveInt

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, derive_seed
from recbench_plugins.attackers.adaptive.camouflage import camouflaged
from recbench_plugins.attackers.adaptive.rehearsal import Rehearsal
from recbench_plugins.attackers.gradient.dpa2dl import DPA2DL
from recbench_plugins.attackers.gradient.unrolled_gradient import UnrolledGradient
from recbench_plugins.attackers.heuristic.average import Average
from recbench_plugins.attackers.heuristic.bandwagon import Bandwagon
from recbench_plugins.attackers.heuristic.copy import Copy
from recbench_plugins.attackers.heuristic.popular import Popular

Base = Literal["popular", "bandwagon", "average", "unrolled-gradient", "dpa2dl"]
BASES: dict[Base, PoisoningAttacker] = {
    "popular": Popular(),
    "bandwagon": Bandwagon(),
    "average": Average(),
    "unrolled-gradient": UnrolledGradient(),
    "dpa2dl": DPA2DL(),
}

COPIED = (0.0, 0.5, 0.75, 0.25, 1.0)
"""Shares of the fillers that are taken from genuine profiles; the first is the base attack itself."""
USED = (1.0, 0.5)
"""Shares of the profiles that are used: fewer fakes may pass where many are a crowd."""


@dataclass(frozen=True)
class BestOfN(PoisoningAttacker):
    """Many poisons are made, each is tried against the deployed defense, and the one that does most is the attack.

    What an attacker can always do that knows a defense, differentiable or not (after Carlini et al., "On evaluating
    adversarial robustness", arXiv 1902.06705, section 3: a defense is to be judged by an attack made for it). The
    trials are points of a small family: the base attack, a share of its fillers taken from genuine profiles, all of
    the profiles or half of them. They are gone through in order, the first being the base attack itself, and anew with
    another seed of everything where there are more trials. A trial's success is that of a `Rehearsal`: how high the
    targets are by a surrogate that is trained, as the victim will be, behind the defense. Where nothing is deployed it
    is the best of N on the bare surrogate: the pair by which the share that a defense takes back is reckoned.

    Goals and tracks are those of the base. Knowledge: `interactions`, `surrogate`, `defense`.

    Args:
        base: with its default parameters.
        trials: N.
        surrogate: a differentiable recommender, by name; None is `wmf-sgd` for clicks and `biased-mf` for ratings.
        judges: trainings of the surrogate that judge a trial, all trials by the same seeds.
    """

    base: Base = "popular"
    trials: PositiveInt = 10
    surrogate: str | None = None
    judges: PositiveInt = 1

    def craft(self, view: AttackerView) -> Profiles:
        name = self.surrogate or ("wmf-sgd" if view.feedback == "implicit" else "biased-mf")
        rehearsal = Rehearsal(view, view.surrogate(name), self.judges)
        return max(itertools.islice(self.poisons(view), self.trials), key=rehearsal.success)

    def poisons(self, view: AttackerView) -> Iterator[Profiles]:
        """The family, round after round, without end."""
        for number in itertools.count():
            tried = replace(view, seed=derive_seed(view.seed, "round", number)) if number else view
            plain, genuine = BASES[self.base].craft(tried), Copy().craft(tried)
            for used, copied in itertools.product(USED, COPIED):
                mixed = camouflaged(plain, genuine, view.targets, copied, tried.seed) if copied else plain
                yield first(mixed, max(1, round(used * len(mixed))))


def first(profiles: Profiles, count: int) -> Profiles:
    """The first so many of the profiles."""
    end = profiles.indptr[count]
    ratings = None if profiles.ratings is None else profiles.ratings[:end]
    return Profiles(profiles.indptr[: count + 1], profiles.items[:end], ratings)
