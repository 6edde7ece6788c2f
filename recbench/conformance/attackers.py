"""Checks of poisoning attackers, in the arena.

Where a check needs profiles that count, an attacker that breaks the budget or its knowledge is not judged by
it: that is a failure of the check that says so, and of no other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from recbench.component import Component
from recbench.conformance.arena import SIZE, Task
from recbench.conformance.check import Failed, NotApplicable, Subject, check
from recbench.conformance.learning import watched
from recbench.contracts import (
    BudgetViolation,
    Feedback,
    Goal,
    KnowledgeViolation,
    PoisoningAttacker,
    Profiles,
    RecbenchError,
    RuleViolation,
)
from recbench.evaluation.statistics import interval, paired_interval

UNITS = 20
"""Planted tasks on which an attacker must beat random fakes."""
FEW = 4
"""Planted tasks where only a clear defect is looked for."""
TRACKS: tuple[Feedback, ...] = ("implicit", "explicit")


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
    view = Task.plant(threat.unit).view(
        component.knowledge, threat.feedback, threat.goal, threat.n_targets, threat.size
    )
    try:
        profiles = _attacker(subject).craft(view)
        if not isinstance(profiles, Profiles):
            raise RuleViolation(f"craft returned {type(profiles).__name__}; expected Profiles")
        profiles.check(view.budget)
        if not len(profiles):
            raise BudgetViolation("craft returned no profile; the budget allows some")
    except Exception as error:
        return error
    return profiles


def _attacker(subject: Subject) -> PoisoningAttacker:
    attacker = subject.build()
    if not isinstance(attacker, PoisoningAttacker):
        raise NotApplicable("it crafts no profiles: the arena is for poisoning attackers")
    return attacker


def _profiles(subject: Subject, threat: Threat) -> Profiles:
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
        return _profiles(subject, threat)
    except RuleViolation as error:
        raise NotApplicable(f"its profiles do not count: {error}") from error


def _track(subject: Subject) -> Feedback:
    """The track on which it is judged: the implicit one, unless it is made for ratings."""
    _attacker(subject)
    if "ratings" in subject.component.requires_data:
        return "explicit"
    try:
        _valid(subject, Threat("implicit"))
    except NotApplicable:
        _valid(subject, Threat("explicit"))
        return "explicit"
    return "implicit"


def _gain(profiles: Profiles, threat: Threat) -> NDArray[np.floating]:
    task = Task.plant(threat.unit)
    view = task.view(frozenset(), threat.feedback, threat.goal, threat.n_targets, threat.size)
    return np.asarray(task.gains(profiles, threat.feedback, view.targets))


@cache
def _control(threat: Threat) -> float:
    """The gain of random fakes."""
    task = Task.plant(threat.unit)
    return float(_gain(task.random_fakes(task.view(frozenset(), threat.feedback)), threat)[0])


def _claims_damage(subject: Subject) -> None:
    if subject.component.family == "control":
        raise NotApplicable("its family is 'control': it is there to be beaten and claims no damage")


@check("attacker", guards=("D13", "D23", "D36", "D38"))
def fakes_keep_to_the_budget(subject: Subject) -> None:
    """Published attacks spent no budget, half as much again, or half of the catalogue, and drew fillers with
    replacement: their damage cannot be compared. Targets count, nothing is held twice, ratings are on the scale.
    """
    _attacker(subject)
    refusals = []
    for feedback in TRACKS:
        for n_targets in (1, 3):
            try:
                _profiles(subject, Threat(feedback, n_targets=n_targets))
            except NotApplicable as refusal:
                refusals.append(str(refusal))
            except KnowledgeViolation as error:
                raise NotApplicable(f"it crafts nothing: {error}") from error
            except RuleViolation as error:
                raise Failed(
                    f"{feedback} track, {n_targets} targets: {error}. Write at most `view.budget.sizes[k]` different "
                    "items into profile k, targets counted, and ratings only where `view.budget.scale` is one"
                ) from error
    if len(refusals) == 2 * len(TRACKS):
        raise Failed(f"it refuses to push a target at all: {refusals[0]}; push on at least one track")


@check("attacker", guards=("D24",))
def it_touches_no_more_than_it_declares(subject: Subject) -> None:
    """A harness that hands everybody the trained victim turns every attack into a white-box one."""
    _attacker(subject)
    for feedback in TRACKS:
        try:
            _profiles(subject, Threat(feedback))
        except KnowledgeViolation as error:
            raise Failed(f"{error}. Declare that knowledge in the component, or do without") from error
        except (RuleViolation, NotApplicable):
            continue


@check("attacker", guards=("D24",))
def what_it_may_not_see_does_not_change_its_profiles(subject: Subject) -> None:
    """Knowledge that is declared away and used all the same makes an attack look stronger than it is."""
    component, feedback = subject.component, _track(subject)
    first = _valid(subject, Threat(feedback))
    view = Task.plant(0).view(component.knowledge, feedback, offered=Task.plant(1))
    second = _attacker(subject).craft(view)
    if not (np.array_equal(first.indptr, second.indptr) and np.array_equal(first.items, second.items)):
        raise Failed(
            f"with the same {', '.join(sorted(component.knowledge)) or 'targets and budget'} its profiles change when "
            "something is there that it does not declare; read the view's own attributes, never `view.secrets`"
        )


@check("attacker", guards=("D2", "D19", "D20", "D21"))
def every_trained_part_learns(subject: Subject) -> None:
    """A generator whose output is detached before its own loss, a loss that does not depend on it, an optimizer
    that holds another model's parameters: each has been published, and none of them ever learned.
    """
    attacker, feedback = _attacker(subject), _track(subject)
    view = Task.plant(0).view(subject.component.knowledge, feedback)
    with watched() as watch:
        attacker.craft(view)
    if not watch.optimizers and not watch.asked:
        raise NotApplicable("no torch optimizer stepped and torch.autograd.grad was not called: nothing to be seen")
    if idle := watch.idle():
        raise Failed(f"{'; '.join(sorted(set(idle)))}. Look for a detach, a no_grad or another model's parameters")


@check("attacker", guards=("D2", "D9", "D19", "D20", "D22", "D41"))
def it_beats_random_fakes(subject: Subject) -> None:
    """Attacks whose figures are those of random profiles have been published as learned ones. An equal budget,
    20 planted tasks, an easy victim that it has never seen, and an interval.
    """
    _claims_damage(subject)
    feedback = _track(subject)
    own, control = [], []
    for unit in range(UNITS):
        threat = Threat(feedback, unit)
        own.append(_gain(_valid(subject, threat), threat)[0])
        control.append(_control(threat))
    gain = paired_interval(np.array(own), np.array(control), np.arange(UNITS), seed=0)
    if not gain.low > 0:
        raise Failed(
            f"over random fakes its targets gain {gain.mean:+.2f} bits of rank (95%: {gain.low:+.2f} to "
            f"{gain.high:+.2f}) on {UNITS} planted tasks. If it claims no damage, its family is 'control'"
        )


@check("attacker", guards=("D10",))
def damage_does_not_fall_with_the_budget(subject: Subject) -> None:
    """An attack that does less with more does not spend what it is given."""
    _claims_damage(subject)
    feedback = _track(subject)
    small = [Threat(feedback, unit) for unit in range(FEW)]
    large = [Threat(feedback, unit, size=3 * SIZE) for unit in range(FEW)]
    less, more = (np.array([_gain(_valid(subject, each), each)[0] for each in row]) for row in (small, large))
    change = paired_interval(more, less, np.arange(FEW), seed=0)
    if change.high < 0:
        raise Failed(
            f"with three times the profiles its targets gain {-change.mean:.2f} bits less ({less.mean():+.2f} at "
            f"{SIZE:.0%}, {more.mean():+.2f} at {3 * SIZE:.0%}). Does it use every profile of the budget?"
        )


@check("attacker", guards=("D3", "D5", "D31"))
def every_pushed_target_is_in_some_profile(subject: Subject) -> None:
    """Profiles that never hold the target they push, or only the first of several, were judged as attacks on all."""
    threat = Threat(_track(subject), n_targets=3)
    targets = Task.plant(threat.unit).cold
    held = np.isin(targets, _valid(subject, threat).items)
    if not held.all():
        raise Failed(
            f"of the targets {targets.tolist()}, {targets[~held].tolist()} are in no profile; push all of them"
        )


@check("attacker")
def a_nuke_does_not_raise_its_targets(subject: Subject) -> None:
    """An attack that knows one goal and accepts others reports the wrong one. Refuse a goal by a RecbenchError."""
    _track(subject)
    gains, refusals = [], []
    for feedback in TRACKS:
        try:
            threats = [Threat(feedback, unit, goal="nuke") for unit in range(FEW)]
            gains.append(np.array([_gain(_valid(subject, each), each)[0] for each in threats]))
        except NotApplicable as refusal:
            refusals.append(str(refusal))
    if not gains:
        raise NotApplicable("; ".join(refusals))
    for gain in gains:
        raised = interval(gain, np.arange(FEW), seed=0)
        if raised.low > 0:
            raise Failed(
                f"asked to nuke, it raises its targets by {raised.mean:.2f} bits (95%: {raised.low:+.2f} to "
                f"{raised.high:+.2f}). Leave the targets out, rate them lowest, or refuse the goal"
            )
