"""The segment attack: the targets in the company of what one group of users likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, RecbenchError, numpy_rng
from recbench_plugins.attackers.heuristic.assembly import assemble, fillers, rate

TOGETHER = 3
"""Users who must have an item beside the target before it counts as company."""


@dataclass(frozen=True)
class Segment(PoisoningAttacker):
    """The targets, items that their segment likes, and disliked fillers (Burke, Mobasher, Bhaumik, Williams,
    "Segment-based injection attacks against collaborative filtering recommender systems", ICDM 2005). Push.

    Explicit feedback: the segment's items get the top of the scale, uniform fillers the bottom. Implicit feedback:
    what is disliked is not clicked, so all items are the segment's. Several targets have several segments, which
    the profiles serve in turn; every profile holds every target. Knowledge: `interactions`.

    The paper's segment is named by hand. Here it is the most popular items that share the rarest genre of the
    target, or, where the catalogue has none, those of the highest lift c_ij N / (c_i c_j) to the target among the
    items more popular than the median that three users have together with it. After those come the most popular: a
    target that one or two users have, whose company could as well be chance, has no other segment.

    Args:
        selected: on explicit feedback, share of a profile, beside the targets, that is the segment's.
    """

    selected: Annotated[float, Field(gt=0, le=1)] = 0.5

    def craft(self, view: AttackerView) -> Profiles:
        if view.goal != "push" or not len(view.targets):
            raise RecbenchError(f"segment pushes targets to those who like their kind; it cannot {view.goal}")
        scale = view.budget.scale
        places = segments(view)
        leader = np.arange(view.budget.n_profiles) % len(view.targets)
        wanted = np.rint((1.0 if scale is None else self.selected) * fillers(view))
        profiles = assemble(view, lambda rows: places[leader[rows]] < wanted[rows, None])
        if scale is None:
            return profiles
        rows = profiles.histories.rows
        liked = places[leader[rows], profiles.items] < wanted[rows]
        return rate(view, scale, profiles, np.where(liked, scale.high, scale.low))


def segments(view: AttackerView) -> NDArray[np.int64]:
    """The place of each item in the order in which each target's segment gives items, int64 [t, n_items]."""
    counts = view.statistics.counts
    closeness = same_genre(view) if view.catalog.genres else lift(view)
    lot = numpy_rng(view.seed, "segment").random(view.n_items)
    # Targets are held anyway: they take no place in any segment.
    closeness[:, view.targets] = -1
    order = np.array([np.lexsort((lot, counts, row))[::-1] for row in closeness])
    places = np.empty(order.shape, np.int64)
    np.put_along_axis(places, order, np.arange(view.n_items)[None, :], axis=1)
    return places


def same_genre(view: AttackerView) -> NDArray[np.float64]:
    """1 where an item has the rarest genre of the target, else 0; [t, n_items]."""
    genres = sorted({genre for item in view.catalog.genres for genre in item})
    column = {genre: k for k, genre in enumerate(genres)}
    has = np.zeros((view.n_items, len(genres)), np.bool_)
    pairs = [(item, column[genre]) for item, own in enumerate(view.catalog.genres) for genre in own]
    has[tuple(np.array(pairs, np.int64).reshape(-1, 2).T)] = True
    rarest = np.where(has[view.targets], has.sum(axis=0), view.n_items + 1).argmin(axis=1)
    shared: NDArray[np.bool_] = has[:, rarest].T & has[view.targets, rarest][:, None]
    return shared.astype(np.float64)


def lift(view: AttackerView) -> NDArray[np.float64]:
    """How much oftener each item is held with the target than by chance, [t, n_items]; 0 for unpopular items and for
    what hardly anybody has beside the target: the rarer such an item, the higher its lift would be."""
    train = view.observed.csr
    counts = view.observed.item_counts
    together = (train[:, view.targets].T @ train).toarray().astype(np.float64)
    found = together * view.observed.n_users / np.maximum(counts[view.targets, None] * counts, 1)
    return np.where((counts > np.median(counts)) & (together >= TOGETHER), found, 0.0)
