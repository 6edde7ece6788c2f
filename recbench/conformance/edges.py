"""Data at the edge: one user, one item, an empty history, a cold item, targets that do not fit into a profile."""

from __future__ import annotations

from functools import cache

import numpy as np

from recbench.component import Feedback
from recbench.conformance import attackers, defenses, perturbers
from recbench.conformance.check import Failed, NotApplicable, Subject, check
from recbench.conformance.exercise import data_of, exercise, first_goal, targets_of, view_of
from recbench.conformance.planted import interactions, preference_blocks
from recbench.conformance.trained import Trained
from recbench.contracts import (
    KnowledgeViolation,
    PoisoningAttacker,
    Profiles,
    RecbenchError,
    RuleViolation,
    Sanitizer,
    Verdict,
)
from recbench.data import Interactions
from recbench.data.feedback import binarize
from recbench.factories import explain

SIZES = (1, 2, 6)
"""Of profiles that push two targets, as far as the catalogue goes: the first has no room for both, the second none for
more."""


@cache
def edges() -> dict[str, Interactions]:
    """Data with ratings, by what is odd about it. An attack pushes its two least popular items."""

    def pairs(users: list[int], items: list[int], ratings: list[float], n_users: int, n_items: int) -> Interactions:
        return interactions(np.array(users), np.array(items), n_users, n_items, np.array(ratings, dtype=np.float32))

    blocks = preference_blocks("edge", n_users=40, first=3).train
    return {
        "one user and one item": pairs([0], [0], [4], 1, 1),
        "one user": pairs([0, 0, 0], [0, 1, 2], [4, 5, 2], 1, 6),
        "one item": pairs([0, 1, 2, 3], [0, 0, 0, 0], [4, 5, 2, 3], 6, 1),
        "two items": pairs([0, 0, 1, 2], [0, 1, 0, 0], [4, 5, 2, 3], 4, 2),
        "three items": pairs([0, 0, 1, 2, 2], [0, 1, 0, 0, 1], [4, 5, 2, 3, 1], 4, 3),
        "users and items without an interaction": blocks.select((blocks.users >= 3) & (blocks.items >= 3)),
    }


@check("recommender", "attacker", "defense", guards=("D14",))
def it_survives_one_user_one_item_and_empty_histories(subject: Subject) -> None:
    """Filtered data has users without a training interaction and items that nobody has; small data has fewer items than
    were written into an attack. A division by a count of zero is a crash in one cell of a long run. What cannot be done
    there an attack or a defense refuses by a RecbenchError; a model scores whomever it is asked for.
    """
    done, tracks = 0, _tracks(subject)
    for name, data in edges().items():
        for track in tracks:
            try:
                _hold(subject, data if track == "explicit" else binarize(data))
            except RecbenchError as refusal:
                if subject.component.kind == "recommender":
                    raise Failed(f"it refuses data with {name}: {refusal}") from refusal
                continue
            except KnowledgeViolation:
                continue
            except RuleViolation as error:
                raise Failed(f"with {name}: {error}; answer what fits, or refuse by a RecbenchError") from error
            except Exception as error:
                what = f"with {name} it crashes: {explain(error)}"
                raise Failed(f"{what}; mind what may be empty, or refuse by a RecbenchError") from error
            done += 1
    if not done:
        raise NotApplicable("it refuses all that it says it serves, or does not count without an edge either")


def _tracks(subject: Subject) -> list[Feedback]:
    """The tracks that it is judged on; not those where what it does does not count anyway."""
    component = subject.component
    if component.kind == "defense":
        try:
            defenses.a_verdict_fits_the_data.function(subject)
        except Failed:
            return []
        except NotApplicable:  # it judges nobody
            pass
    if component.kind != "attacker":
        return ["implicit" if data_of(subject).ratings is None else "explicit"]
    poisons, tracks = isinstance(subject.build(), PoisoningAttacker), []
    for track in sorted(component.feedback, reverse=True):
        goal = first_goal(component, [track])
        try:
            if poisons:
                attackers.profiles_of(subject, attackers.Threat(track, goal=goal))
            else:
                perturbers.changes_of(subject, goal, track)
        except (NotApplicable, RuleViolation):
            continue
        tracks.append(track)
    return tracks


def _hold(subject: Subject, data: Interactions) -> None:
    """Run it on the data, and hold what comes out against what the harness asks of it.

    Raises:
        RuleViolation: it does not fit.
    """
    if subject.component.kind == "attacker":
        _hold_attack(subject, data)
        return
    arrays = exercise(subject, train=data)
    for name, array in arrays.items():
        if array.shape[0] != data.n_users:
            raise RuleViolation(f"{name} of {array.shape[0]} users; there are {data.n_users}")
        if not np.isfinite(array).all():
            raise RuleViolation(f"{name} holds values that are not finite; guard the division or the normalization")
    if isinstance(subject.build(), Sanitizer):
        Verdict(arrays["suspicion"], arrays["keep"]).check(data.n_users)


def _hold_attack(subject: Subject, data: Interactions) -> None:
    attacker, component = subject.build(), subject.component
    if isinstance(attacker, PoisoningAttacker):
        view = view_of(subject, data, seed=0, sizes=np.minimum(SIZES, data.n_items))
        profiles: Profiles = attacker.craft(view)
        profiles.check(view.budget)
        return
    track: Feedback = "implicit" if data.ratings is None else "explicit"
    goal = first_goal(component, [track])
    trained = Trained.on(data, targets_of(data), targets_of(data), seed=0)
    trained.hold(attacker, trained.attacked(attacker, component, goal, track, seed=0), goal, track)
