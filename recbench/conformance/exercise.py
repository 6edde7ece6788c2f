"""One run of a component on small planted data, whatever its kind: what comes out as named arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbench.component import GOALS, TRACKS, Component, Feedback, Goal
from recbench.conformance.arena import VICTIM, KeepsEveryone
from recbench.conformance.check import NotApplicable, Subject
from recbench.conformance.planted import SCALE, hidden_seed, interactions, preference_blocks, scores_of, titled
from recbench.conformance.trained import Trained
from recbench.contracts import (
    AttackerView,
    Budget,
    Certificate,
    Detection,
    EvasionAttacker,
    FitContext,
    ItemStatistics,
    Outcome,
    ParameterAttacker,
    Profiles,
    Ranking,
    RobustTraining,
    Sanitizer,
    numpy_rng,
)
from recbench.data import Catalog, Histories, Interactions
from recbench.data.feedback import binarize

Arrays = dict[str, NDArray[Any]]


def small_data() -> Interactions:
    """Explicit feedback of 48 users on 32 items, the last two users without any and one item that nobody has."""
    train = preference_blocks("small", n_users=46, block=8, shown=5).train
    kept = train.select(train.items != np.argmin(train.item_counts))
    return Interactions(kept.users, kept.items, 48, 32, kept.ratings)


def exercise(
    subject: Subject,
    seed: int = 0,
    device: str = "cpu",
    train: Interactions | None = None,
    left: Outcome | None = None,
) -> Arrays:
    """Run the component once.

    Args:
        subject: what is run.
        seed: the seed that it is given.
        device: the device that it is given.
        train: the data that it is given instead of `small_data()`, which is implicit unless it requires ratings.
        left: what a metric is given instead of `outcome()`.

    Raises:
        NotApplicable: the harness has no way to run it on small data.
    """
    kind = subject.component.kind
    data = data_of(subject) if train is None else train
    if kind == "recommender":
        ctx = replace(context_of(subject, data.n_items, seed), device=device)
        return {"scores": scores_of(subject.build().fit(data, ctx), data.n_users)}
    if kind == "defense":
        return _defend(subject.build(), data, FitContext(seed, device=device))
    if kind == "attacker":
        attacker = subject.build()
        if isinstance(attacker, EvasionAttacker | ParameterAttacker):
            return _perturb(attacker, subject, data, seed, device)
        return _arrays_of(attacker.craft(view_of(subject, data, seed, device)))
    if kind == "metric":
        values = subject.build()(outcome() if left is None else left)
        return {name: np.float64(value).reshape(1) for name, value in values.items()}
    kept = subject.build().load().interactions
    return {name: getattr(kept, name) for name in ("users", "items", "ratings", "timestamps") if _has(kept, name)}


def data_of(subject: Subject) -> Interactions:
    """`small_data()` on the track that the component can be run on."""
    component = subject.component
    rated = "ratings" in component.requires_data | component.provides or "implicit" not in component.feedback
    return small_data() if rated else binarize(small_data())


def context_of(subject: Subject, n_items: int, seed: int = 0) -> FitContext:
    """The surroundings of a fit on planted data, with titles of the items where the recommender requires them."""
    titles = "titles" in subject.component.requires_data
    return FitContext(seed, catalog=titled(n_items) if titles else Catalog())


def first_goal(component: Component, tracks: Iterable[Feedback] = TRACKS) -> Goal:
    """What an attacker is asked where one goal is enough: to push if it serves that on a track, else to nuke."""
    return next(goal for goal in GOALS if any(component.serves(goal, track) for track in tracks))


def targets_of(data: Interactions) -> NDArray[np.int32]:
    """The two least popular items, or the one that there is."""
    return np.argsort(data.item_counts, kind="stable")[:2].astype(np.int32)


def _has(kept: Interactions, name: str) -> bool:
    return getattr(kept, name) is not None


def _arrays_of(profiles: Profiles) -> Arrays:
    arrays: Arrays = {"indptr": profiles.indptr, "items": profiles.items}
    return arrays if profiles.ratings is None else {**arrays, "ratings": profiles.ratings}


def _perturb(
    attacker: EvasionAttacker | ParameterAttacker, subject: Subject, data: Interactions, seed: int, device: str
) -> Arrays:
    """An attack, on the two least popular items, on a victim that is trained on the data."""
    track: Feedback = "implicit" if data.ratings is None else "explicit"
    targets = targets_of(data)
    trained = Trained.on(data, targets, targets, seed=0, device=device)
    changed = trained.attacked(attacker, subject.component, first_goal(subject.component, [track]), track, seed)
    if isinstance(changed, Histories):
        return {"indptr": changed.indptr, "items": changed.items}
    return {name: table.detach().cpu().numpy() for name, table in changed.items()}


def _defend(defense: Sanitizer | RobustTraining, data: Interactions, ctx: FitContext) -> Arrays:
    if isinstance(defense, Sanitizer):
        verdict = defense.inspect(data, ctx)
        return {"suspicion": np.asarray(verdict.suspicion), "keep": np.asarray(verdict.keep)}
    protected = defense.fit(VICTIM, data, ctx)
    arrays: Arrays = {"scores": scores_of(protected.scorer, data.n_users)}
    return arrays if protected.suspicion is None else {**arrays, "suspicion": np.asarray(protected.suspicion)}


def view_of(
    subject: Subject, data: Interactions, seed: int, device: str = "cpu", sizes: ArrayLike = (6, 6, 6)
) -> AttackerView:
    """What an attacker sees of an attack on the two least popular items by profiles of these sizes."""
    secrets = {
        "statistics": ItemStatistics.of(data),
        "interactions": data,
        "surrogate": lambda name, **params: VICTIM,
        "defense": KeepsEveryone(),
    }
    if unknown := subject.component.knowledge - secrets.keys():
        raise NotApplicable(f"the small task has no {', '.join(sorted(unknown))} to show")
    track: Feedback = "implicit" if data.ratings is None else "explicit"
    return AttackerView(
        targets=targets_of(data),
        budget=Budget(np.array(sizes), data.n_items, None if data.ratings is None else SCALE),
        goal=first_goal(subject.component, [track]),
        feedback=track,
        n_items=data.n_items,
        seed=seed,
        knowledge=subject.component.knowledge,
        device=device,
        secrets=secrets,
    )


def outcome() -> Outcome:
    """What a cell leaves behind: random lists of 100 of 150 items for a victim and its twin, fakes and a verdict.

    Made anew each time: it can be written to.
    """
    rng = numpy_rng(hidden_seed("outcome"))
    data = preference_blocks("outcome", n_users=48, block=30, blocks=5, shown=10).train
    n, m, targets = data.n_users, 4, np.array([3, 17], dtype=np.int32)
    seen = data.csr.toarray() > 0
    rows, items = np.nonzero(~seen)
    held_out = rng.random(len(rows)) < 0.1
    test = interactions(rows[held_out], items[held_out], n, data.n_items)
    chosen = rng.permuted(np.tile(np.arange(data.n_items) < 11, (m, 1)), axis=1)
    fake = np.repeat([False, True], [n, m])
    actual = rng.integers(1, 6, len(test)).astype(np.float64)
    return Outcome(
        ranking=_random_ranking(seen, targets, rng),
        clean=_random_ranking(seen, targets, rng),
        train=data,
        test=test.histories,
        targets=targets,
        eligible=~seen[:, targets] & ~(test.csr.toarray() > 0)[:, targets],
        profiles=Profiles.from_dense(chosen, rng.integers(1, 6, chosen.shape).astype(np.float32)),
        detection=Detection(rng.random(n + m) + fake * 0.3, rng.random(n + m) < 0.2, fake),
        predicted=actual + rng.normal(0, 1, len(actual)),
        actual=actual,
        scale=SCALE,
        certificate=Certificate(10, np.sort(rng.integers(0, 11, (n, 50)))[:, ::-1], 0.999),
    )


def _random_ranking(seen: NDArray[np.bool_], targets: NDArray[np.int32], rng: np.random.Generator) -> Ranking:
    """Lists of the 100 best by random scores among what each user has not seen; seen is bool [n, n_items]."""
    scores = np.where(seen, -np.inf, rng.random(seen.shape))
    order = np.argsort(-scores, axis=1)
    top = np.where(np.take_along_axis(seen, order, axis=1), -1, order)[:, :100].astype(np.int32)
    ranks = 1 + (scores[:, None, :] > scores[:, targets, None]).sum(axis=2)
    ranks[seen[:, targets]] = 0
    standard = rng.normal(0, 1, ranks.shape).astype(np.float32)
    return Ranking(top, ranks.astype(np.int32), standard, (~seen).sum(axis=1).astype(np.int32))
