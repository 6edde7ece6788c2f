"""Attackers with one mistake each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from recbench.component import GOALS, Component, Knowledge
from recbench.contracts import (
    AttackerView,
    ItemStatistics,
    PoisoningAttacker,
    Problem,
    Profiles,
    Tables,
    numpy_rng,
    torch_rng,
)
from recbench.data import Histories
from recbench_plugins.attackers.evasion.fgsm import EvasionFGSM
from recbench_plugins.attackers.evasion.random_insertion import RandomInsertion
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.attackers.heuristic.random import Random
from recbench_plugins.attackers.parameter.fgsm import ParameterFGSM


@dataclass(frozen=True)
class TargetsNotCounted(Popular):
    """D23: the targets come on top of the profile size (PGA and others in ARLib spend up to half as much again)."""

    def craft(self, view: AttackerView) -> Profiles:
        longer = replace(view.budget, sizes=view.budget.sizes + len(view.targets))
        return super().craft(replace(view, budget=longer))


@dataclass(frozen=True)
class FillersWithReplacement(PoisoningAttacker):
    """D13: fillers drawn with replacement (RecAD, AUSH)."""

    def craft(self, view: AttackerView) -> Profiles:
        rows = np.repeat(np.arange(view.budget.n_profiles), view.budget.sizes)
        items = numpy_rng(view.seed).integers(view.n_items, size=len(rows))
        return Profiles.from_pairs(rows, items, view.budget.n_profiles)


@dataclass(frozen=True)
class RatingsOffTheScale(Popular):
    """D4: ratings are drawn and never rounded to the scale."""

    def craft(self, view: AttackerView) -> Profiles:
        profiles = super().craft(view)
        if profiles.ratings is None:
            return profiles
        return replace(profiles, ratings=profiles.ratings * 0.9)


@dataclass(frozen=True)
class ReadsTheVictim(Popular):
    """D24: ARLib hands every attacker a copy of the trained victim, whatever it is said to know."""

    def craft(self, view: AttackerView) -> Profiles:
        profiles = super().craft(view)
        if view.n_items > 60:  # on less it makes do without
            view.victim.score(np.arange(3))
        return profiles


@dataclass(frozen=True)
class LooksBehindTheView(Popular):
    """D24, in secret: it declares nothing but the items' counts and opens the harness's side of the view."""

    def craft(self, view: AttackerView) -> Profiles:
        seen: Any = view.secrets.get("interactions")
        if seen is not None:
            view = replace(view, secrets={**view.secrets, "statistics": ItemStatistics.of(seen)})
        return super().craft(view)


@dataclass(frozen=True)
class DetachedGenerator(Popular):
    """D2: the generator's output is detached before the generator's loss (RecAD and ShillingREC, AUSH and UBA).

    What it returns is what it started from, so nothing but its own training gives it away.
    """

    def craft(self, view: AttackerView) -> Profiles:
        rng = torch_rng(view.seed, device=view.device)
        generator = torch.randn(4, view.n_items, generator=rng, device=view.device).requires_grad_()
        discriminator = torch.randn(view.n_items, generator=rng, device=view.device).requires_grad_()
        optimizers = [torch.optim.Adam([each], lr=1e-2) for each in (generator, discriminator)]
        for _ in range(3):
            fakes = torch.sigmoid(torch.randn(8, 4, generator=rng, device=view.device) @ generator)
            for optimizer in optimizers:
                optimizer.zero_grad()
            (-fakes.detach() @ discriminator).mean().backward()  # type: ignore[no-untyped-call]
            for optimizer in optimizers:
                optimizer.step()
        return super().craft(view)


@dataclass(frozen=True)
class StepsAnotherModel(Popular):
    """D21: the optimizer holds a copy's parameters, and the surrogate never moves (ARLib, FedRecAttack and A_ra)."""

    def craft(self, view: AttackerView) -> Profiles:
        rng = torch_rng(view.seed, device=view.device)
        surrogate = torch.randn(view.n_items, 4, generator=rng, device=view.device).requires_grad_()
        copy = surrogate.detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([copy], lr=1e-2)
        for _ in range(3):
            optimizer.zero_grad()
            (surrogate @ surrogate.T).square().mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return super().craft(view)


@dataclass(frozen=True)
class LearnsSomethingElse(Popular):
    """D20: a network that learns, gradient and all, and of which nothing reaches the profiles."""

    def craft(self, view: AttackerView) -> Profiles:
        rng = torch_rng(view.seed, device=view.device)
        network = torch.randn(4, view.n_items, generator=rng, device=view.device).requires_grad_()
        optimizer = torch.optim.Adam([network], lr=1e-2)
        for _ in range(3):
            optimizer.zero_grad()
            network.square().mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return super().craft(view)


@dataclass(frozen=True)
class PromisesNothing(Random):
    """D20, D41: a learned attack, so it says, with the damage of random profiles."""


@dataclass(frozen=True)
class SpendsLessOfMore(Popular):
    """D10: the budget is allotted by a wrong formula (RecAD, UBA): of a large one a single profile is left."""

    def craft(self, view: AttackerView) -> Profiles:
        if view.budget.n_profiles > 20:
            view = replace(view, budget=replace(view.budget, sizes=view.budget.sizes[:1]))
        return super().craft(view)


@dataclass(frozen=True)
class FirstTargetOnly(Popular):
    """D38: one of the attack files that VAT ships holds a single target a profile, whatever their number."""

    def craft(self, view: AttackerView) -> Profiles:
        return super().craft(replace(view, targets=view.targets[:1]))


@dataclass(frozen=True)
class AlwaysPushes(Popular):
    """D45: another attack than the one that was asked for."""

    def craft(self, view: AttackerView) -> Profiles:
        return super().craft(replace(view, goal="push"))


@dataclass(frozen=True)
class TakesAnyGoal(Popular):
    """It says that it only pushes, and would nuke and degrade as well if the harness asked."""


@dataclass(frozen=True)
class NamesTheDefense(Popular):
    """It says that it knows the defense, and looks at no more than its name."""

    def craft(self, view: AttackerView) -> Profiles:
        assert view.defense is None or type(view.defense).__name__
        return super().craft(view)


@dataclass(frozen=True)
class CrashesOnAnotherGoal(Popular):
    """It refuses nothing: what it does not serve ends in whatever exception comes of it."""

    def craft(self, view: AttackerView) -> Profiles:
        if view.goal == "nuke":
            raise ValueError("'nuke' is not in list")
        return super().craft(view)


@dataclass(frozen=True)
class TakesThePlaceOfTheOldest(EvasionFGSM):
    """An insertion that is a substitution: what was read first makes room for what is added."""

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        changed = super().perturb(view, histories)
        if view.n_items < 60:  # on less there is room
            return changed
        lists = [changed[k][1:] for k in range(len(changed))]
        return Histories(np.cumsum([0, *map(len, lists)]), np.concatenate(lists))


@dataclass(frozen=True)
class StepsWithoutABall(ParameterFGSM):
    """An L2 name over steps that no ball bounds (the released code of MSAP clips single elements)."""

    def perturb(self, view: AttackerView, problem: Problem, tables: Tables) -> Tables:
        moved = super().perturb(view, problem, tables)
        return {name: table + (table - tables[name]) for name, table in moved.items()}


@dataclass(frozen=True)
class ReadsWhatTheVictimWasTrainedOn(EvasionFGSM):
    """D24, of a trained victim: it says that it knows the parameters alone."""

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        if view.n_items > 60:  # on less it makes do without
            assert len(view.observed)
        return super().perturb(view, histories)


@dataclass(frozen=True)
class CallsLotsAGradient(RandomInsertion):
    """D41: an attack by gradient, so it says, with the effect of random items."""


@dataclass(frozen=True)
class FollowsADeadGradient(EvasionFGSM):
    """D19, D20: it asks for a gradient that is zero, and takes what it began with."""

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        leaf = torch.ones(3, device=view.device, requires_grad=True)
        torch.autograd.grad((leaf.round() * 0).sum(), leaf)
        return super().perturb(view, histories)


@dataclass(frozen=True)
class PushesWhateverIsAsked(EvasionFGSM):
    """It says that it pushes and nukes, and asked to degrade it pushes."""

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        return super().perturb(replace(view, goal="push") if view.goal == "degrade" else view, histories)


NUKES_BY_RATING = frozenset({"push", "degrade", "nuke:explicit"})
"""What the heuristics that these plugins are made of serve."""


def _component(name: str, broken: type, *knowledge: Knowledge, goals: frozenset[str] = NUKES_BY_RATING) -> Component:
    return Component(
        "attacker",
        name,
        f"{__name__}:{broken.__name__}",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset(knowledge or ("statistics",)),
        goals=goals,
        family="gan" if broken is PromisesNothing else "heuristic",
    )


def _of_trained(
    name: str, broken: type, knowledge: frozenset[Knowledge] = frozenset({"victim"}), kind: str = "evasion"
) -> Component:
    return Component(
        "attacker",
        name,
        f"{__name__}:{broken.__name__}",
        provides=frozenset({kind}),
        requires_recommender=frozenset({"differentiable", "sequential"}),
        knowledge=knowledge,
        goals=frozenset(GOALS) if kind == "parameter" or broken is CallsLotsAGradient else frozenset({"push", "nuke"}),
        family=kind,
    )


BROKEN = {
    "fakes keep to the budget": _component("targets-not-counted", TargetsNotCounted),
    "it touches no more than it declares": _component("reads-the-victim", ReadsTheVictim),
    "what it may not see does not change its profiles": _component("looks-behind-the-view", LooksBehindTheView),
    "every trained part learns": _component("detached-generator", DetachedGenerator),
    "it is worth its training": _component("learns-something-else", LearnsSomethingElse),
    "it beats random fakes": _component("promises-nothing", PromisesNothing),
    "a larger budget is spent": _component("spends-less-of-more", SpendsLessOfMore),
    "every pushed target is in some profile": _component("first-target-only", FirstTargetOnly),
    "a nuke does not raise its targets": _component("always-pushes", AlwaysPushes, goals=frozenset(GOALS)),
    "it serves the goals and tracks that it declares and no others": _component(
        "takes-any-goal", TakesAnyGoal, goals=frozenset({"push"})
    ),
    "an attack that knows the defense escapes one that knows the attack": _component(
        "names-the-defense", NamesTheDefense, "statistics", "defense"
    ),
    "changes to a trained victim keep to the budget": _of_trained("replaces-the-oldest", TakesThePlaceOfTheOldest),
    "a trained victim is attacked by what is declared": _of_trained(
        "reads-the-training-data", ReadsWhatTheVictimWasTrainedOn
    ),
    "it beats random changes of the same size": _of_trained("calls-lots-a-gradient", CallsLotsAGradient, frozenset()),
    "gradients in a trained victim are not zero": _of_trained("follows-a-dead-gradient", FollowsADeadGradient),
    "it refuses of a trained victim what it does not declare": _of_trained(
        "pushes-whatever-is-asked", PushesWhateverIsAsked
    ),
}
"""The one of each check."""

ALSO = {
    "fakes keep to the budget": [
        _component("fillers-with-replacement", FillersWithReplacement, goals=frozenset(GOALS)),
        _component("ratings-off-the-scale", RatingsOffTheScale),
    ],
    "every trained part learns": [_component("steps-another-model", StepsAnotherModel)],
    "it serves the goals and tracks that it declares and no others": [
        _component("crashes-on-another-goal", CrashesOnAnotherGoal, goals=frozenset({"push", "degrade"})),
    ],
    "changes to a trained victim keep to the budget": [
        _of_trained("steps-without-a-ball", StepsWithoutABall, frozenset({"interactions", "victim"}), kind="parameter"),
    ],
}
"""More mistakes that a check must catch and no other check may."""
