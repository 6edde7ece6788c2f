"""Obfuscation: an attack of ratings, disguised from detectors that know the original."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, numpy_rng
from recbench_plugins.attackers.heuristic.assembly import held_targets, rating_scale
from recbench_plugins.attackers.heuristic.average import Average
from recbench_plugins.attackers.heuristic.bandwagon import Bandwagon
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.attackers.heuristic.random import Random
from recbench_plugins.attackers.heuristic.reverse_bandwagon import ReverseBandwagon

Base = Literal["random", "average", "bandwagon", "popular"]
Technique = Literal["noise-injection", "user-shifting", "target-shifting"]
BASES: dict[Base, PoisoningAttacker] = {
    "random": Random(),
    "average": Average(),
    "bandwagon": Bandwagon(),
    "popular": Popular(),
}
NUKING: dict[Base, PoisoningAttacker] = BASES | {"bandwagon": ReverseBandwagon()}


@dataclass(frozen=True)
class Obfuscated(PoisoningAttacker):
    """A heuristic attack with its ratings moved (Williams, Mobasher, Burke, Sandvig, Bhaumik, "Detection of
    obfuscated attacks in collaborative recommender systems", ECAI workshop on recommender systems 2006).

    `noise-injection` adds ν z to some fillers, z ~ N(0, 1) drawn for each; `user-shifting` adds ν z drawn once
    for each profile; `target-shifting` rates a pushed target one step below the top, a nuked one one step above
    the bottom. Ratings are rounded to the scale. Which items a profile holds never changes. Explicit feedback.
    `bandwagon`, which only pushes, nukes as its counterpart `reverse-bandwagon`. Knowledge: `statistics`.

    Args:
        base: what is disguised, with its default parameters.
        technique: see above.
        share: fillers that are moved, each with this probability.
        deviation: ν, in rating points.
    """

    base: Base = "average"
    technique: Technique = "noise-injection"
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    deviation: PositiveFloat = 0.6

    def craft(self, view: AttackerView) -> Profiles:
        scale = rating_scale(view, "obfuscated")
        profiles = (NUKING if view.goal == "nuke" else BASES)[self.base].craft(view)
        assert profiles.ratings is not None
        at_target = np.isin(profiles.items, held_targets(view))
        if self.technique == "target-shifting":
            moved, shift = at_target, np.full(len(at_target), scale.step if view.goal == "nuke" else -scale.step)
        else:
            rng = numpy_rng(view.seed, "obfuscation")
            moved = ~at_target & (rng.random(len(at_target)) < self.share)
            by_user = self.technique == "user-shifting"
            noise = rng.standard_normal(len(profiles) if by_user else len(at_target))
            shift = self.deviation * (noise[profiles.histories.rows] if by_user else noise)
        ratings = np.where(moved, scale.round(profiles.ratings + shift), profiles.ratings)
        return replace(profiles, ratings=ratings)
