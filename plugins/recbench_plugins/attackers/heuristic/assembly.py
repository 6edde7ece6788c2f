"""What the heuristics share: the targets, then fillers, exactly as many as the budget gives, in some click order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import AttackerView, Profiles, RatingScale, RecbenchError, numpy_rng

CELLS = 2**22
"""(profile, item) cells held densely at a time."""

ByItem = Callable[[NDArray[np.intp]], NDArray[Any]]
"""From the numbers of some profiles [b] to a value for each item: [n_items], or [b, n_items]."""


def held_targets(view: AttackerView) -> NDArray[np.int32]:
    """The targets that every profile holds: all to push or nuke, none to degrade.

    Raises:
        RecbenchError: a nuke on implicit feedback, where holding a target can only raise it.
    """
    if view.goal == "nuke" and view.budget.scale is None:
        raise RecbenchError(
            "nuke is not defined for heuristic profiles on implicit feedback: a click on a target can only raise it; "
            "push, or use an explicit track"
        )
    return view.targets if view.goal in ("push", "nuke") else view.targets[:0]


def rating_scale(view: AttackerView, name: str) -> RatingScale:
    """The rating grid, for an attack that is nothing without ratings.

    Raises:
        RecbenchError: the track is implicit.
    """
    if view.budget.scale is None:
        raise RecbenchError(
            f"{name} is made of ratings, and a click has none; run it on an explicit track, or take random, "
            "bandwagon or popular"
        )
    return view.budget.scale


def fillers(view: AttackerView) -> NDArray[np.int64]:
    """How many items each profile holds beside the targets, int64 [m]."""
    sizes = np.minimum(view.budget.sizes, view.budget.n_items)
    return np.asarray(np.maximum(sizes - len(held_targets(view)), 0))


def drawn_from(view: AttackerView, pool: NDArray[np.bool_], share: float) -> ByItem:
    """Levels with which a `share` of every profile's fillers is drawn uniformly from `pool` and the others from the
    rest; either side gives more where the other has not enough.

    Args:
        view: the attack; its seed decides the draw.
        pool: bool [n_items], without the targets.
        share: in [0, 1], rounded to whole items.
    """
    members = np.flatnonzero(pool)
    wanted = np.rint(share * fillers(view))
    rng = numpy_rng(view.seed, "selected")

    def levels(rows: NDArray[np.intp]) -> NDArray[np.int8]:
        places = rng.random((len(rows), len(members))).argsort(axis=1).argsort(axis=1)
        found = np.ones((len(rows), len(pool)), np.int8)
        found[:, members] = np.where(places < wanted[rows, None], 2, 0)
        return found

    return levels


def most(view: AttackerView, values: NDArray[Any], share: float) -> NDArray[np.bool_]:
    """The items of the largest values, `share` of the catalogue (at least one) and no target; bool [n_items].

    Equal values are decided by the attack's seed.
    """
    lot = numpy_rng(view.seed, "pool").random(len(values))
    ascending = np.lexsort((lot, values))
    ascending = ascending[~np.isin(ascending, view.targets)]
    chosen = np.zeros(len(values), np.bool_)
    chosen[ascending[len(ascending) - min(max(1, round(share * len(values))), len(ascending)) :]] = True
    return chosen


def assemble(view: AttackerView, levels: ByItem, moments: ByItem | None = None) -> Profiles:
    """Profiles of exactly `budget.sizes[k]` distinct items (of all items where there are fewer), without ratings.

    A profile holds every target, or a random subset of them where they do not fit, and then the items of
    the highest level, drawn without replacement: equal levels are decided at random, profile by profile.

    Args:
        view: the attack; its seed decides ties and orders.
        levels: how much the attacker wants each item as a filler; whole numbers.
        moments: when each item is clicked; None is at random.

    Raises:
        RecbenchError: see `held_targets`.
    """
    targets = held_targets(view)
    n_items = view.budget.n_items
    sizes = np.minimum(view.budget.sizes, n_items)
    rng = numpy_rng(view.seed, "fillers")
    clicks = [np.zeros(0, np.intp)]
    step = max(1, CELLS // n_items)
    for start in range(0, len(sizes), step):
        rows = np.arange(start, min(start + step, len(sizes)))
        # Whole levels plus a fraction: a tie is decided by the fraction, a difference never is.
        keys = levels(rows) + rng.random((len(rows), n_items))
        keys[:, targets] = keys.max() + 1 + rng.random((len(rows), len(targets)))
        width = max(1, int(sizes[rows].max()))
        best = np.argpartition(keys, n_items - width, axis=1)[:, n_items - width :]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(keys, best, axis=1), axis=1), axis=1)
        held = np.arange(width) < sizes[rows, None]
        when = rng.random(best.shape) if moments is None else np.take_along_axis(moments(rows), best, axis=1)
        order = np.argsort(np.where(held, when, np.inf), axis=1, kind="stable")
        clicks.append(np.take_along_axis(best, order, axis=1)[held])
    return Profiles(np.concatenate([[0], np.cumsum(sizes)]), np.concatenate(clicks).astype(np.int32))


def rate(view: AttackerView, scale: RatingScale, profiles: Profiles, ratings: NDArray[np.floating[Any]]) -> Profiles:
    """The profiles with ratings: the scale's top for a pushed target, its bottom for a nuked one, else `ratings`."""
    extreme = scale.low if view.goal == "nuke" else scale.high
    at_target = np.isin(profiles.items, held_targets(view))
    return replace(profiles, ratings=np.where(at_target, np.float32(extreme), scale.round(ratings)))
