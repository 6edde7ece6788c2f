"""Checks of attackers of a victim that is trained already.

As with poisoning, an attack that breaks its budget or its knowledge fails the check that says so, and no other.
"""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np

from recbench.component import GOALS, TRACKS, Component, Feedback, Goal
from recbench.conformance.check import ONE_SIDED, Failed, NotApplicable, Subject, check
from recbench.conformance.exercise import first_goal
from recbench.conformance.learning import watched
from recbench.conformance.trained import ADDED, RADIUS, Trained
from recbench.contracts import (
    EvasionAttacker,
    KnowledgeViolation,
    ParameterAttacker,
    RecbenchError,
    RuleViolation,
    Tables,
)
from recbench.data.interactions import Histories
from recbench.evaluation.statistics import paired_interval
from recbench.factories import explain

UNITS = 8
"""Planted victims on which an attack must beat random changes."""


@lru_cache(maxsize=64)
def _attempt(
    component: Component, params: str, goal: Goal, feedback: Feedback, unit: int
) -> Histories | Tables | Exception:
    """What an attack came to; several checks look at it."""
    subject = Subject(component, json.loads(params))
    try:
        attacker, trained = _attacker(subject), Trained.plant(unit)
        changed = trained.attacked(attacker, component, goal, feedback, seed=unit)
        trained.hold(attacker, changed, goal, feedback)
        return changed
    except Exception as error:
        return error


def _attacker(subject: Subject) -> EvasionAttacker | ParameterAttacker:
    attacker = subject.build()
    if not isinstance(attacker, EvasionAttacker | ParameterAttacker):
        raise NotApplicable("it attacks no trained victim")
    return attacker


def changes_of(subject: Subject, goal: Goal, feedback: Feedback, unit: int = 0) -> Histories | Tables:
    """What it changes.

    Raises:
        NotApplicable: it refuses.
        Exception: whatever else went wrong.
    """
    _attacker(subject)
    found = _attempt(subject.component, json.dumps(dict(subject.params), sort_keys=True), goal, feedback, unit)
    if isinstance(found, RecbenchError):
        raise NotApplicable(f"it refuses to {goal} on the {feedback} track: {found}")
    if isinstance(found, Exception):
        raise found
    return found


def _declared(subject: Subject) -> list[tuple[Goal, Feedback]]:
    _attacker(subject)
    return [(goal, track) for goal in GOALS for track in TRACKS if subject.component.serves(goal, track)]


@check("attacker", guards=("D23", "D36"))
def changes_to_a_trained_victim_keep_to_the_budget(subject: Subject) -> None:
    """An item put in the place of another, a target that is itself inserted, or a step without a ball around it is
    another attack than the one that it is compared with."""
    for goal, feedback in _declared(subject):
        try:
            changes_of(subject, goal, feedback)
        except KnowledgeViolation as error:
            raise NotApplicable(f"it changes nothing: {error}") from error
        except RuleViolation as error:
            raise Failed(
                f"{goal}, {feedback} track: {error}. Keep what was read, in its order, and add at most "
                "`view.budget.sizes[k]` items that are no targets; or end with `view.budget.project`"
            ) from error


@check("attacker", guards=("D24",))
def a_trained_victim_is_attacked_by_what_is_declared(subject: Subject) -> None:
    """A black box whose parameters are read is a white one: its figures belong to another row of the table."""
    for goal, feedback in _declared(subject):
        try:
            changes_of(subject, goal, feedback)
        except KnowledgeViolation as error:
            raise Failed(f"{error}. Declare that knowledge in the component, or do without") from error
        except (RuleViolation, NotApplicable):
            continue


@check("attacker", guards=("D41",))
def it_beats_random_changes_of_the_same_size(subject: Subject) -> str:
    """A gradient attack that is no better than noise of its norm says nothing of a victim's robustness. Planted
    victims, an equal budget, and an interval."""
    attacker, component = _attacker(subject), subject.component
    if component.family == "control":
        raise NotApplicable("its family is 'control': it is there to be beaten and claims no effect")
    goal = first_goal(component)
    if goal == "degrade":
        raise NotApplicable("what is measured is where targets go; an attack that only degrades has none")
    feedback = next(track for track in TRACKS if component.serves(goal, track))
    own, control = [], []
    for unit in range(UNITS):
        try:
            changed = changes_of(subject, goal, feedback, unit)
        except RuleViolation as error:
            raise NotApplicable(f"its changes do not count: {error}") from error
        trained = Trained.plant(unit)
        own.append(trained.gain(changed, goal))
        control.append(trained.gain(trained.random(attacker, unit), goal))
    gain = paired_interval(np.array(own), np.array(control), np.arange(UNITS), seed=0, level=ONE_SIDED)
    if not gain.low > 0:
        what = f"{ADDED} added items" if isinstance(attacker, EvasionAttacker) else f"moves of {RADIUS:.0%} of a row"
        raise Failed(
            f"asked to {goal}, it moves its targets by {gain.mean:+.2f} bits of rank more than random {what} "
            f"(90%: {gain.low:+.2f} to {gain.high:+.2f}) on {UNITS} planted victims. "
            "If it claims no effect, its family is 'control'"
        )
    return f"{gain.mean:+.2f} bits more (90%: {gain.low:+.2f} to {gain.high:+.2f}) on {UNITS} planted victims"


@check("attacker", guards=("D19", "D20"))
def gradients_in_a_trained_victim_are_not_zero(subject: Subject) -> None:
    """A gradient through a detached embedding, a rounding or a hard top-k is zero, and the attack that follows it is
    its own starting point."""
    attacker = _attacker(subject)
    goal, feedback = _declared(subject)[0]
    with watched() as watch:
        try:
            Trained.plant(0).attacked(attacker, subject.component, goal, feedback, seed=0)
        except RuleViolation as error:
            raise NotApplicable(f"its changes do not count: {error}") from error
    if not watch.optimizers and not watch.asked:
        raise NotApplicable("no torch optimizer stepped and torch.autograd.grad was not called: nothing to be seen")
    if idle := watch.idle():
        raise Failed(f"{'; '.join(sorted(set(idle)))}. Look for a detach, a no_grad or a rounding on the way")


@check("attacker")
def it_refuses_of_a_trained_victim_what_it_does_not_declare(subject: Subject) -> None:
    """An attack that takes a goal which it does not serve reports another attack's effect; one that refuses what it
    declares is a failed cell, where a suite that knows of it skips the cell before anything runs."""
    _attacker(subject)
    for goal in GOALS:
        for track in TRACKS:
            refusal, serves, what = "", subject.component.serves(goal, track), f"to {goal} on the {track} track"
            try:
                changes_of(subject, goal, track)
            except NotApplicable as refused:
                refusal = str(refused)
            except RuleViolation:  # the business of other checks
                continue
            except Exception as error:
                if serves:  # of other checks too
                    continue
                asked = f"asked {what}, which it does not declare, it crashes"
                raise Failed(f"{asked}: {explain(error)}; refuse it by a RecbenchError") from error
            if serves and refusal:
                raise Failed(f"it declares {what} and refuses: {refusal}; declare what it serves, '{goal}:{track}'")
            if not serves and not refusal:
                raise Failed(f"it takes the task {what}, which it does not declare; refuse it by a RecbenchError")
