"""Checks of defenses: detectors in the arena, robust training on planted preferences.

A defense is given the poisoned data and nothing else, so most of what could leak is ruled out by its contract;
what remains to be checked is that ids and orders are not read as if they told something.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recbench.component import Component, Fakes
from recbench.conformance.arena import VICTIM, Task
from recbench.conformance.check import ONE_SIDED, Failed, NotApplicable, Subject, check
from recbench.conformance.planted import hidden_seed, preference_blocks, scores_of
from recbench.conformance.shared import shared
from recbench.contracts import (
    FitContext,
    Profiles,
    RecbenchError,
    RobustTraining,
    RuleViolation,
    Sanitizer,
    Scorer,
    Verdict,
    numpy_rng,
)
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.evaluation.detection import roc_auc
from recbench.evaluation.statistics import interval, paired_interval
from recbench.matrix.injection import Poisoned

UNITS = 20
"""Planted attacks over which a detector must beat chance."""
MOVED, GAIN = 10, 0.02
"""Planted attacks in which the fakes change places, and the AUC that this may bring: 0 is crossed by luck."""
FALSE_POSITIVES = 0.05
"""The share of genuine users that a detector may remove where nobody attacked."""
TOLERANCE = 1e-4
"""How far suspicion may move under relabelling, as a share of its deviation: solvers stop at some precision."""
KEPT_QUALITY = 0.8
"""The share of its quality on clean data that a recommender must keep under robust training."""


def _verdict(subject: Subject, data: Interactions, examples: Profiles | None = None) -> Verdict:
    """What a detector says, on the track that it is made for.

    Raises:
        NotApplicable: it is no detector.
        RuleViolation: a verdict that does not fit the data.
    """
    detector = subject.build()
    if not isinstance(detector, Sanitizer):
        raise NotApplicable("it judges no users before training")
    verdict = detector.inspect(data, FitContext(0, examples=examples))
    if not isinstance(verdict, Verdict):
        raise RuleViolation(f"inspect returned {type(verdict).__name__}; expected Verdict")
    verdict.check(data.n_users)
    return verdict


def _usable(subject: Subject, data: Interactions) -> Verdict:
    """A verdict that the harness would act upon."""
    try:
        return _verdict(subject, data)
    except RuleViolation as error:
        raise NotApplicable(f"its verdict does not count: {error}") from error


def _suspicion(subject: Subject, data: Interactions, examples: Profiles | None = None) -> NDArray[np.float64]:
    """What a defense thinks of the users of the data, be it a detector or a training that judges them too.

    Args:
        examples: fakes for it to learn from.

    Raises:
        NotApplicable: it judges nobody.
        RuleViolation: an answer that is not one for each user of the data.
    """
    defense = subject.build()
    if isinstance(defense, Sanitizer):
        return np.asarray(_verdict(subject, data, examples).suspicion, dtype=np.float64)
    if missing := subject.component.requires_recommender - {"differentiable"}:
        raise NotApplicable(f"it needs a recommender with {', '.join(sorted(missing))}, and the arena's has none")
    if not _judges(subject.component, json.dumps(dict(subject.params), sort_keys=True)):
        raise NotApplicable("it judges no users")
    found = defense.fit(VICTIM, data, FitContext(0, examples=examples)).suspicion
    if found is None:
        raise RuleViolation("no suspicion, though other data has one")
    suspicion = np.asarray(found, dtype=np.float64)
    if suspicion.shape != (data.n_users,):
        raise RuleViolation(f"suspicion of shape {suspicion.shape}; expected ({data.n_users},) users")
    if not np.isfinite(suspicion).all():
        raise RuleViolation("suspicion holds values that are not finite")
    return suspicion


@lru_cache(maxsize=64)
def _judges(component: Component, params: str) -> bool:
    """Whether a training judges users. Most do not, and several checks would each train to learn that."""
    subject = Subject(component, json.loads(params))

    def judged() -> bool:
        ctx = FitContext(0, examples=_examples(subject, 0) if "supervised" in component.provides else None)
        return subject.build().fit(VICTIM, _attacked(subject, 0).data, ctx).suspicion is not None

    return shared("whether it judges", judged)


def _attacked(subject: Subject, unit: int, kind: Fakes | None = "matched") -> Poisoned:
    """Fakes of a kind among the genuine users of one planted task, or nobody."""
    task = Task.plant(unit)
    explicit = "ratings" in subject.component.requires_data
    profiles = Profiles.empty() if kind is None else task.fakes(kind, explicit)
    return task.inject(profiles, "explicit" if explicit else "implicit")


@check("defense")
def a_verdict_fits_the_data(subject: Subject) -> None:
    """One finite suspicion and one decision for every user, whoever has no history, and not everybody removed."""
    misfit = _misfit(subject.component, json.dumps(dict(subject.params), sort_keys=True))
    if misfit is not None:
        told = "Verdict(suspicion, keep), both [train.n_users], or Protected with suspicion [train.n_users]"
        raise Failed(f"{misfit}; return {told}")


@lru_cache(maxsize=64)
def _misfit(component: Component, params: str) -> str | None:
    """What does not fit of what it says of clean and of attacked data, with and without a user who has nothing.

    Another check asks it too.
    """
    subject = Subject(component, json.loads(params))

    def found() -> str | None:
        kinds: tuple[Fakes | None, ...] = (None, "matched")
        for kind in kinds:
            data = _attacked(subject, 0, kind).data
            for each in (data, replace(data, n_users=data.n_users + 1)):
                try:
                    _suspicion(subject, each)
                except RuleViolation as error:
                    return str(error)
        return None

    return shared("what does not fit of a verdict", found)


@check("defense", guards=("D1", "D11", "D32"))
def genuine_users_stay_where_nobody_attacked(subject: Subject) -> str:
    """Detectors that are told how many fakes there are, or remove a fixed share, remove as many genuine users."""
    removed = np.mean([(~_usable(subject, _attacked(subject, unit, kind=None).data).keep).mean() for unit in range(5)])
    if removed > FALSE_POSITIVES:
        raise Failed(
            f"of the users of clean data it removes {removed:.1%}; {FALSE_POSITIVES:.0%} are allowed. Decide by a "
            "threshold that nobody may reach, not by a share of the users"
        )
    return f"removes {removed:.1%} of the users of clean data"


@check("defense", guards=("D11", "D42"))
def neither_ids_nor_the_order_of_rows_change_a_verdict(subject: Subject) -> None:
    """Where fakes are appended at the end, a detector that reads positions finds all of them."""
    data = _attacked(subject, 0).data
    rng = numpy_rng(hidden_seed("relabelling"))
    ids, rows = rng.permutation(data.n_users).astype(np.int32), rng.permutation(len(data))
    ratings = None if data.ratings is None else data.ratings[rows]
    moved = Interactions(ids[data.users[rows]], data.items[rows], data.n_users, data.n_items, ratings)
    before, after = _usable(subject, data), _usable(subject, moved)
    change = np.abs(np.asarray(after.suspicion)[ids] - before.suspicion).max() / max(np.std(before.suspicion), 1e-12)
    if change > TOLERANCE or not np.array_equal(np.asarray(after.keep)[ids], before.keep):
        raise Failed(
            f"with users renamed and rows in another order, suspicion moves by {change:.2g} of its deviation "
            f"({TOLERANCE:g} is allowed) or other users go; judge what users hold, not where they stand"
        )


@check("defense", guards=("D42",))
def a_training_suspects_nobody_for_standing_last(subject: Subject) -> str:
    """A detector that is trained beside a recommender starts from tables drawn by lot, so that new names change every
    suspicion a little. It may not find fakes better where they are appended to the data, as they are in published code.
    """
    if isinstance(subject.build(), Sanitizer):
        raise NotApplicable("it judges before training: another check asks that new names change nothing")
    mixed, last = [], []
    for unit in range(MOVED):
        poisoned = _attacked(subject, unit)
        fake = np.arange(poisoned.data.n_users) >= poisoned.n_genuine
        try:
            mixed.append(roc_auc(_suspicion(subject, poisoned.data)[poisoned.public_id], fake))
            last.append(roc_auc(_suspicion(subject, _appended(poisoned)), fake))
        except RuleViolation as error:
            raise NotApplicable(f"its answer does not count: {error}") from error
    gain = paired_interval(np.array(last), np.array(mixed), np.arange(MOVED), seed=0, level=ONE_SIDED)
    found = f"an AUC {gain.mean:+.2f} (90%: {gain.low:+.2f} to {gain.high:+.2f}) where the fakes stand last"
    if gain.low > GAIN:
        raise Failed(f"{found}, on {MOVED} planted attacks; judge what users hold, not where they stand")
    return found


def _appended(poisoned: Poisoned) -> Interactions:
    """The data with the fakes at the end."""
    data, place = poisoned.data, np.argsort(poisoned.public_id).astype(np.int32)
    users = place[data.users]
    rows = np.argsort(users, kind="stable")
    ratings = None if data.ratings is None else data.ratings[rows]
    return Interactions(users[rows], data.items[rows], data.n_users, data.n_items, ratings)


@check("defense", guards=("D11", "D32"), long=True)
def the_fakes_that_it_is_made_for_are_more_suspicious_than_chance(subject: Subject) -> str:
    """Where fakes differ in length, anything detects them. Here they never do; nor, if it is made for any attack, in
    how popular their items are: nothing but company tells. How it does on such fakes is reported even of one that is
    made for others.
    """
    found = {}
    kinds: frozenset[Fakes] = subject.component.detects | {"matched"}
    for kind in sorted(kinds):
        aucs = []
        for unit in range(UNITS):
            poisoned = _attacked(subject, unit, kind)
            try:
                suspicion = _suspicion(subject, poisoned.data)[poisoned.public_id]
            except RuleViolation as error:
                raise NotApplicable(f"its answer does not count: {error}") from error
            aucs.append(roc_auc(suspicion, np.arange(len(suspicion)) >= poisoned.n_genuine))
        auc = interval(np.array(aucs), np.arange(UNITS), seed=0)
        found[kind] = f"on {kind} fakes an AUC of {auc.mean:.2f} (95%: {auc.low:.2f} to {auc.high:.2f})"
        if kind in subject.component.detects and not auc.low > 0.5:
            raise Failed(
                f"{found[kind]} on {UNITS} planted attacks; chance is .50. Is higher suspicion really more suspicious? "
                "If it is made for some attacks alone, the component says so: detects={'random'}"
            )
    return ", ".join(found.values())


def _supervised(subject: Subject) -> None:
    if "supervised" not in subject.component.provides:
        raise NotApplicable("it does not learn from examples")


def _examples(subject: Subject, unit: int) -> Profiles:
    """Fakes of another task, which are other fakes for each unit."""
    return Task.plant(UNITS + unit).matched_fakes("ratings" in subject.component.requires_data)


@check("defense")
def examples_are_judged_by_nobody(subject: Subject) -> None:
    """Examples are no users: one that is counted among the removed, or among those who are told apart, is a fake that
    was found by its label."""
    _supervised(subject)
    data = _attacked(subject, 0).data
    try:
        _suspicion(subject, data, _examples(subject, 0))
    except RuleViolation as error:
        raise Failed(
            f"{error}; drop the examples again before you answer, or answer for train.n_users alone"
        ) from error


@check("defense")
def what_is_supervised_learns_from_its_examples(subject: Subject) -> None:
    """A defense that is called supervised and never looks at the labels is compared with what it is not."""
    _supervised(subject)
    data = _attacked(subject, 0).data
    popular = np.argsort(-data.item_counts, kind="stable")[:20].astype(np.int32)
    alike = Profiles(np.arange(0, 401, 20), np.tile(popular, 20))
    try:
        found = [_suspicion(subject, data, examples) for examples in (_examples(subject, 0), alike)]
    except RuleViolation as error:
        raise NotApplicable(f"its answer does not count: {error}") from error
    if np.array_equal(found[0], found[1]):
        raise Failed(
            "it suspects the same users as much, whatever fakes it learns from; read `ctx.examples`, or do not declare "
            "that it provides 'supervised'"
        )


def _trained(subject: Subject, name: str) -> tuple[NDArray[np.float64], float, float]:
    """How far the protected model's scores are from the plain one's (in deviations), and the quality of both."""
    training = subject.build()
    if not isinstance(training, RobustTraining):
        raise NotApplicable("it trains no recommender")
    if missing := subject.component.requires_recommender - {"differentiable"}:
        raise NotApplicable(f"it needs a recommender with {', '.join(sorted(missing))}, and the arena's has none")
    planted = preference_blocks(name)
    users = planted.train.n_users
    for data in (planted.train, binarize(planted.train)):
        try:
            protected = training.fit(VICTIM, data, FitContext(0)).scorer
            break
        except RecbenchError as error:  # one of the tracks may be refused
            refusal = error
    else:
        raise Failed(f"it trains on neither track: {refusal}") from refusal
    plain: Scorer = VICTIM.fit(data, FitContext(0))
    before, after = scores_of(plain, users), scores_of(protected, users)
    return np.abs(after - before) / before.std(), planted.quality(plain), planted.quality(protected)


@check("defense")
def robust_training_changes_the_model(subject: Subject) -> None:
    """A defense whose loss never reaches the parameters reports the robustness of plain training as its own."""
    moved, _, _ = _trained(subject, "robust training")
    if moved.max() < 1e-6:
        raise Failed("the protected model is the plain one; does the gradient of its loss reach the parameters?")


@check("defense")
def robust_training_keeps_the_quality_on_clean_data(subject: Subject) -> str:
    """A model that recommends nothing of use cannot be attacked, and protects nobody."""
    _, plain, protected = _trained(subject, "robust training")
    if protected < KEPT_QUALITY * plain:
        raise Failed(
            f"on clean data the protected model finds {protected:.0%} of what users want, the plain one {plain:.0%}; "
            f"{KEPT_QUALITY:.0%} of that must be kept. Protect less"
        )
    return f"finds {protected:.0%} of what users want on clean data; without it the model finds {plain:.0%}"
