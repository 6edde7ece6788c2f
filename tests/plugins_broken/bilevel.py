"""Attackers whose one mistake shows on a surrogate's training."""

from __future__ import annotations

from dataclasses import dataclass

from recbench.component import Component
from recbench.contracts import AttackerView, Profiles
from recbench_plugins.attackers.heuristic.popular import Popular


@dataclass(frozen=True)
class NeverTrainsItsSurrogate(Popular):
    """D21: the surrogate that it declares never moves (ARLib, FedRecAttack and A_ra), so that its profiles are those of
    popular items, which are worth something where popular items bring others along and nothing where they do not.
    """

    def craft(self, view: AttackerView) -> Profiles:
        view.surrogate("wmf-sgd").problem(view.observed, view.context()).init(view.seed)
        return super().craft(view)


BROKEN = {
    "it raises its target on surrogates that it has never seen": Component(
        "attacker",
        "never-trains-its-surrogate",
        f"{__name__}:{NeverTrainsItsSurrogate.__name__}",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        goals=frozenset({"push", "degrade", "nuke:explicit"}),
        family="gradient",
    )
}
