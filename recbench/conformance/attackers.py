"""Checks of poisoning attackers, in the arena.

Where a check needs profiles that count, an attacker that breaks the budget or its knowledge is not judged by
it: that is a failure of the check that says so, and of no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from recbench.component import GOALS, TRACKS, Component
from recbench.conformance.arena import SIZE, KnowsProfiles, Task, matrix
from recbench.conformance.check import ONE_SIDED, Failed, NotApplicable, Subject, check
from recbench.conformance.exercise import first_goal
from recbench.conformance.learning import watched, withholding
from recbench.conformance.planted import SCALE
from recbench.conformance.shared import shared
from recbench.contracts import (
    AttackerView,
    BudgetViolation,
    Feedback,
    Goal,
    KnowledgeViolation,
    PoisoningAttacker,
    Profiles,
    RecbenchError,
    RuleViolation,
)
from recbench.evaluation.statistics import Interval, interval, paired_interval
from recbench.evaluation.stealth import stealth
from recbench.factories import explain

UNITS = 20
"""Planted tasks on which an attacker must beat random fakes."""
FEW = 4
"""Planted tasks where only a clear defect is looked for."""
LOOKS = (8, 12)
"""Planted tasks on which an attack that trains is held against its untrained copy: the second where the first leave it
open."""
MORE = 3
"""Times the profiles that a larger budget has."""


@dataclass(frozen=True)
class Threat:
    """One attack of the arena; see `Task.view`."""

    feedback: Feedback
    unit: int = 0
    goal: Goal = "push"
    n_targets: int = 1
    size: float = SIZE


@lru_cache(maxsize=256)
def _attempt(component: Component, params: str, threat: Threat) -> Profiles | Exception:
    """What crafting came to; many checks look at the same profiles."""
    subject = Subject(component, json.loads(params))
    try:
        return shared(f"profiles of {threat}", lambda: _crafted(subject, threat))
    except Exception as error:
        return error


def _crafted(subject: Subject, threat: Threat) -> Profiles:
    view = _view(subject, threat)
    profiles = _attacker(subject).craft(view)
    if not isinstance(profiles, Profiles):
        raise RuleViolation(f"craft returned {type(profiles).__name__}; expected Profiles")
    profiles.check(view.budget)
    if not len(profiles):
        raise BudgetViolation("craft returned no profile; the budget allows some")
    return profiles


def _view(subject: Subject, threat: Threat) -> AttackerView:
    knowledge = subject.component.knowledge
    return Task.plant(threat.unit).view(knowledge, threat.feedback, threat.goal, threat.n_targets, threat.size)


def _attacker(subject: Subject) -> PoisoningAttacker:
    attacker = subject.build()
    if not isinstance(attacker, PoisoningAttacker):
        raise NotApplicable("it crafts no profiles: the arena is for poisoning attackers")
    return attacker


def profiles_of(subject: Subject, threat: Threat) -> Profiles:
    """What it crafts.

    Raises:
        NotApplicable: it refuses the threat.
        Exception: whatever else went wrong.
    """
    found = _attempt(subject.component, json.dumps(dict(subject.params), sort_keys=True), threat)
    if isinstance(found, RecbenchError):
        raise NotApplicable(f"it refuses to {threat.goal} on the {threat.feedback} track: {found}")
    if isinstance(found, Exception):
        raise found
    return found


def _valid(subject: Subject, threat: Threat) -> Profiles:
    """Profiles that the harness would inject."""
    try:
        return profiles_of(subject, threat)
    except RuleViolation as error:
        raise NotApplicable(f"its profiles do not count: {error}") from error


def _declared(subject: Subject) -> list[Threat]:
    """An attack for each goal on each track that it says it serves."""
    _attacker(subject)
    component = subject.component
    return [Threat(track, goal=goal) for goal in GOALS for track in TRACKS if component.serves(goal, track)]


def _judged(subject: Subject, goal: Goal | None = None) -> Threat:
    """The attack by which it is judged: its first goal, or this one, on the first track that it does not refuse."""
    wanted = first_goal(subject.component) if goal is None else goal
    threats = [each for each in _declared(subject) if each.goal == wanted]
    if not threats:
        raise NotApplicable(f"it does not serve the goal '{wanted}'")
    for threat in threats[:-1]:
        try:
            _valid(subject, threat)
        except NotApplicable:
            continue
        return threat
    _valid(subject, threats[-1])
    return threats[-1]


def _gain(profiles: Profiles, threat: Threat) -> NDArray[np.floating]:
    """Bits by which each target goes where the goal wants it; below 0 where it goes the other way."""
    task = Task.plant(threat.unit)
    view = task.view(frozenset(), threat.feedback, threat.goal, threat.n_targets, threat.size)
    rise = np.asarray(task.gains(profiles, threat.feedback, view.targets))
    return -rise if threat.goal == "nuke" else rise


@cache
def _control(threat: Threat) -> float:
    """The gain of random fakes."""
    task = Task.plant(threat.unit)
    view = task.view(frozenset(), threat.feedback, threat.goal, threat.n_targets, threat.size)
    return float(_gain(task.random_fakes(view), threat)[0])


def _claims_damage(subject: Subject) -> None:
    if subject.component.family == "control":
        raise NotApplicable("its family is 'control': it is there to be beaten and claims no damage")
    if first_goal(subject.component) == "degrade":
        raise NotApplicable("the arena measures where targets go; an attack that only degrades has none")


@check("attacker", guards=("D13", "D23", "D36", "D38"))
def fakes_keep_to_the_budget(subject: Subject) -> None:
    """Published attacks spent no budget, half as much again, or half of the catalogue, and drew fillers with
    replacement: their damage cannot be compared. Targets count, nothing is held twice, ratings are on the scale.
    """
    _attacker(subject)
    crafted = False
    for threat in _declared(subject):
        for n_targets in (1, 3):
            try:
                profiles_of(subject, replace(threat, n_targets=n_targets))
                crafted = True
            except NotApplicable:
                continue
            except KnowledgeViolation as error:
                raise NotApplicable(f"it crafts nothing: {error}") from error
            except RuleViolation as error:
                raise Failed(
                    f"{threat.goal}, {threat.feedback} track, {n_targets} targets: {error}. "
                    "Write at most `view.budget.sizes[k]` different "
                    "items into profile k, targets counted, and ratings only where `view.budget.scale` is one"
                ) from error
    if not crafted:
        raise NotApplicable("it refuses all that it says it serves")


@check("attacker", guards=("D24",))
def it_touches_no_more_than_it_declares(subject: Subject) -> None:
    """A harness that hands everybody the trained victim turns every attack into a white-box one."""
    for threat in _declared(subject):
        try:
            profiles_of(subject, threat)
        except KnowledgeViolation as error:
            raise Failed(f"{error}. Declare that knowledge in the component, or do without") from error
        except (RuleViolation, NotApplicable):
            continue


@check("attacker", guards=("D24",))
def what_it_may_not_see_does_not_change_its_profiles(subject: Subject) -> None:
    """Knowledge that is declared away and used all the same makes an attack look stronger than it is."""
    component, threat = subject.component, _judged(subject)
    first = _valid(subject, threat)
    view = Task.plant(0).view(component.knowledge, threat.feedback, threat.goal, offered=Task.plant(1))
    second = _attacker(subject).craft(view)
    if not (np.array_equal(first.indptr, second.indptr) and np.array_equal(first.items, second.items)):
        raise Failed(
            f"with the same {', '.join(sorted(component.knowledge)) or 'targets and budget'} its profiles change when "
            "something is there that it does not declare; read the view's own attributes, never `view.secrets`"
        )


@lru_cache(maxsize=64)
def _idle(component: Component, params: str) -> list[str] | None:
    """What was to be trained and was not, in words; None where no training is to be seen. Two checks look at it."""
    subject = Subject(component, json.loads(params))

    def watch_it() -> list[str] | None:
        attacker, view = _attacker(subject), _view(subject, _judged(subject))
        with watched() as watch:
            attacker.craft(view)
        return sorted(set(watch.idle())) if watch.optimizers or watch.asked else None

    return shared("idle parts", watch_it)


def _idle_parts(subject: Subject) -> list[str]:
    idle = _idle(subject.component, json.dumps(dict(subject.params), sort_keys=True))
    if idle is None:
        raise NotApplicable("no torch optimizer stepped and torch.autograd.grad was not called: nothing to be seen")
    return idle


@check("attacker", guards=("D2", "D19", "D20", "D21"))
def every_trained_part_learns(subject: Subject) -> None:
    """A generator whose output is detached before its own loss, a loss that does not depend on it, an optimizer
    that holds another model's parameters: each has been published, and none of them ever learned.
    """
    if idle := _idle_parts(subject):
        raise Failed(f"{'; '.join(idle)}. Look for a detach, a no_grad or another model's parameters")


@check("attacker", guards=("D2", "D20"), long=True)
def it_is_worth_its_training(subject: Subject) -> str:
    """Attacks have been published as learned ones whose figures are those of an untrained network. A copy to which no
    gradient comes, neither for its profiles nor for its surrogates, must do less damage, or be less like genuine users
    where that is what is learned. A loss that falls would say less: the loss may be of something else.
    """
    _claims_damage(subject)
    if _idle_parts(subject):
        raise NotApplicable("a part of it never learns, which another check says")
    judged = _judged(subject)
    threats: list[Threat] = []
    own: list[Profiles] = []
    copies: list[Profiles] = []
    for units in LOOKS:
        more = [replace(judged, unit=unit) for unit in range(len(threats), units)]
        threats += more
        # The copies first: meanwhile another check crafts the others.
        copies += [_untrained(subject, each) for each in more]
        own += [_valid(subject, each) for each in more]
        damage = _excess(own, copies, threats, lambda profiles, threat: float(_gain(profiles, threat)[0]))
        likeness = _excess(own, copies, threats, lambda profiles, threat: -_distance(profiles, threat))
        found = (
            f"{damage.mean:+.2f} bits of rank (90%: {damage.low:+.2f} to {damage.high:+.2f}) and {-likeness.mean:+.3f} "
            f"Jensen-Shannon divergence from genuine users (90%: {-likeness.high:+.3f} to {-likeness.low:+.3f})"
        )
        if damage.low > 0 or likeness.low > 0:
            return f"{found} beside a copy to which no gradient comes, on {units} planted tasks"
    raise Failed(
        f"beside a copy to which no gradient comes it makes {found} on {units} planted tasks; does what it trains "
        "reach its profiles?"
    )


def _excess(
    own: list[Profiles], other: list[Profiles], threats: list[Threat], measure: Callable[[Profiles, Threat], float]
) -> Interval:
    """By how much profiles have more of something than others have on the same tasks."""
    mine, theirs = (np.array([measure(*pair) for pair in zip(each, threats, strict=True)]) for each in (own, other))
    return paired_interval(mine, theirs, np.arange(len(threats)), seed=0, level=ONE_SIDED)


def _untrained(subject: Subject, threat: Threat) -> Profiles:
    """What it crafts where no gradient comes.

    Raises:
        NotApplicable: there is no such thing.
    """
    try:
        with withholding() as withheld:
            profiles = _crafted(subject, threat)
    except Exception as error:  # a training may well divide by a gradient
        raise NotApplicable(f"without gradients it crafts nothing to compare with: {explain(error)}") from error
    if not withheld.times:
        raise NotApplicable("its gradients come from neither torch.autograd.grad nor backward")
    return profiles


def _distance(profiles: Profiles, threat: Threat) -> float:
    """The Jensen-Shannon divergence of profiles from the genuine users, item by item and rating by rating."""
    scale = SCALE if threat.feedback == "explicit" else None
    return stealth(Task.plant(threat.unit).seen(threat.feedback), profiles, scale, 1, 0)["js"].value


@check("attacker", guards=("D2", "D9", "D19", "D20", "D22", "D41"), long=True)
def it_beats_random_fakes(subject: Subject) -> str:
    """Attacks whose figures are those of random profiles have been published as learned ones. An equal budget,
    20 planted tasks, an easy victim that it has never seen, and an interval.
    """
    _claims_damage(subject)
    judged = _judged(subject)
    own, control = [], []
    for unit in range(UNITS):
        threat = replace(judged, unit=unit)
        own.append(_gain(_valid(subject, threat), threat)[0])
        control.append(_control(threat))
    gain = paired_interval(np.array(own), np.array(control), np.arange(UNITS), seed=0)
    if not gain.low > 0:
        raise Failed(
            f"asked to {judged.goal}, it moves its targets by {gain.mean:+.2f} bits of rank more than random fakes do "
            f"(95%: {gain.low:+.2f} to {gain.high:+.2f}) on {UNITS} planted tasks. "
            "If it claims no damage, its family is 'control'"
        )
    return f"{gain.mean:+.2f} bits more (95%: {gain.low:+.2f} to {gain.high:+.2f}) on {UNITS} planted tasks"


@check("attacker", guards=("D10",), long=True)
def a_larger_budget_is_spent(subject: Subject) -> str:
    """An attack that allots the budget by a wrong formula is judged at sizes that it never had. What it does with more
    is reported: damage that falls as the budget grows is honest where it is true, and a flag.
    """
    judged = _judged(subject)
    small = [replace(judged, unit=unit) for unit in range(FEW)]
    large = [replace(each, size=MORE * SIZE) for each in small]
    less, more = (sum(len(_valid(subject, each).items) for each in row) for row in (small, large))
    if more <= less:
        raise Failed(
            f"it holds {less} items on {FEW} planted tasks, and {more} where it may make {MORE} times the profiles; "
            "make one for each of `view.budget.sizes`"
        )
    spent = f"holds {more / less:.1f} times the items with {MORE} times the profiles"
    if judged.goal == "degrade":  # the arena measures where targets go
        return spent
    before, after = (np.array([_gain(_valid(subject, each), each)[0] for each in row]) for row in (small, large))
    change = paired_interval(after, before, np.arange(FEW), seed=0, level=ONE_SIDED)
    flag = "FLAG, damage falls as the budget grows: " if change.high < 0 else ""
    return (
        f"{flag}{before.mean():+.2f} bits at {SIZE:.0%} of the users, {after.mean():+.2f} at {MORE * SIZE:.0%}; {spent}"
    )


@check("attacker", guards=("D3", "D5", "D31"))
def every_pushed_target_is_in_some_profile(subject: Subject) -> None:
    """Profiles that never hold the target they push, or only the first of several, were judged as attacks on all."""
    threat = replace(_judged(subject, "push"), n_targets=3)
    targets = Task.plant(threat.unit).cold
    held = np.isin(targets, _valid(subject, threat).items)
    if not held.all():
        raise Failed(
            f"of the targets {targets.tolist()}, {targets[~held].tolist()} are in no profile; push all of them"
        )


@check("attacker")
def a_nuke_does_not_raise_its_targets(subject: Subject) -> None:
    """An attack that knows one goal and accepts others reports the wrong one. Refuse a goal by a RecbenchError."""
    _judged(subject, "nuke")
    for threat in (each for each in _declared(subject) if each.goal == "nuke"):
        try:
            threats = [replace(threat, unit=unit) for unit in range(FEW)]
            rises = np.array([-_gain(_valid(subject, each), each)[0] for each in threats])
        except NotApplicable:
            continue
        raised = interval(rises, np.arange(FEW), seed=0, level=ONE_SIDED)
        if raised.low > 0:
            raise Failed(
                f"asked to nuke, it raises its targets by {raised.mean:.2f} bits (90%: {raised.low:+.2f} to "
                f"{raised.high:+.2f}). Leave the targets out, rate them lowest, or refuse the goal"
            )


@check("attacker")
def it_serves_the_goals_and_tracks_that_it_declares_and_no_others(subject: Subject) -> None:
    """An attack that takes a goal which it does not serve reports another attack's damage; one that refuses what it
    declares is a failed cell, where a suite that knows of it skips the cell before anything runs.
    """
    _attacker(subject)
    component = subject.component
    for goal in GOALS:
        for track in TRACKS:
            serves, what = component.serves(goal, track), f"to {goal} on the {track} track"
            try:
                profiles_of(subject, Threat(track, goal=goal))
            except NotApplicable as refusal:
                if serves:
                    declare = f"declare what it serves, '{goal}:{track}'"
                    raise Failed(f"it declares {what} and refuses: {refusal}; {declare}") from refusal
                continue
            except RuleViolation:
                pass  # it crafts, be it what does not count
            except Exception as error:
                if not serves:
                    asked = f"asked {what}, which it does not declare, it crashes"
                    raise Failed(f"{asked}: {explain(error)}; refuse it by a RecbenchError") from error
            if not serves:
                raise Failed(f"it takes the task {what}, which it does not declare; refuse it by a RecbenchError")


@check("attacker")
def an_attack_that_knows_the_defense_escapes_one_that_knows_the_attack(subject: Subject) -> None:
    """Defenses have been called robust because the attack was made before them. An attacker that is shown a detector
    which removes whatever resembles the profiles that it makes without one must send others.
    """
    component, judged = subject.component, _judged(subject)
    if "defense" not in component.knowledge:
        raise NotApplicable("it does not know the defense")
    kept = []
    for unit in range(FEW):
        threat = replace(judged, unit=unit)
        task = Task.plant(unit)
        view = task.view(component.knowledge, threat.feedback, threat.goal)
        detector = KnowsProfiles(_valid(subject, threat))
        adapted = _attacker(subject).craft(replace(view, secrets={**view.secrets, "defense": detector}))
        kept.append(detector.judge(matrix(adapted, view.n_items)).keep.mean())
    if not np.any(kept):
        raise Failed(
            "a detector that knows what it does without one removes all of its profiles, which it was shown before "
            "it made them; try them on `view.defense`, or declare no knowledge of the defense"
        )
