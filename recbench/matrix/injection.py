"""Injection: fake profiles among the genuine users, so that nothing but their content tells who is fake.

Appended at the end, fakes are known by their ids, by their rows' position, by having no timestamps and by
their equal lengths. Here all users get a seeded permutation of ids (in clean runs too), and each fake has
a genuine user as its template, which bounds its length and lends it the rhythm of its clicks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Profiles
from recbench.data.interactions import Interactions
from recbench.evaluation.audience import Audience
from recbench.seeds import numpy_rng

STRETCH = 0.1
"""How much of itself a gap between two clicks of the template may grow or shrink."""
DAY = 86_400
SHIFT_DAYS = 2
"""How many days before or after its template a fake may arrive. At the same hour: a shift by any number of
seconds puts clicks where others sleep, and on ml-100k the hour alone then told fakes with an AUC of .68."""
JITTER_SECONDS = 1800
"""How far an arrival, or the end of a long gap, may move within the day."""


@dataclass(frozen=True, eq=False)
class Poisoned:
    """Training data as plugins see it.

    Args:
        data: over n + m users in public numbering.
        public_id: int64 [n + m], the public number of every user in injected order: the genuine users
            0..n-1, then the fakes.
        n_genuine: n.
        seed: what the mixture was drawn with; orders in which users are asked for derive from it.
    """

    data: Interactions
    public_id: NDArray[np.int64]
    n_genuine: int
    seed: int

    @cached_property
    def audience(self) -> Audience:
        """Whom a scorer is asked about: everybody, in an order that tells nothing."""
        return Audience.shuffled(self.public_id, self.n_genuine, self.seed)

    def without(self, removed: NDArray[np.bool_]) -> Interactions:
        """The data without the interactions of the users in `removed` [n + m] (injected order); ids stay."""
        dropped = np.empty_like(removed)
        dropped[self.public_id] = removed
        return self.data.select(~dropped[self.data.users])


def draw_templates(train: Interactions, count: int, seed: int) -> NDArray[np.int64]:
    """The genuine user whom each of `count` fakes resembles in length and in time, int64 [count].

    Different users as long as there are enough of them; users without a training interaction are nobody's template.
    """
    active = np.flatnonzero(train.user_counts)
    return numpy_rng(seed, "templates").choice(active, size=count, replace=count > len(active))


def inject(train: Interactions, profiles: Profiles, templates: NDArray[np.integer], seed: int) -> Poisoned:
    """Mix the profiles into the genuine training data.

    Args:
        train: genuine, clean numbering 0..n-1.
        profiles: m fakes; their items keep their click order. Empty for a clean run.
        templates: the template of each fake; profile `k` is no longer than `train.user_counts[templates[k]]`.
        seed: decides the permutation of the users and the timestamps.
    """
    n, m = train.n_users, len(profiles)
    public_id = numpy_rng(seed, "user-ids").permutation(n + m)
    fakes = public_id[n:][profiles.histories.rows]
    timestamps = None
    if train.timestamps is not None:
        borrowed = borrow_timestamps(train, profiles, templates[:m], seed)
        timestamps = np.concatenate([train.timestamps, borrowed])
    ratings = None
    if train.ratings is not None:
        assert profiles.ratings is not None or m == 0, "profiles on the explicit track have ratings"
        ratings = train.ratings if profiles.ratings is None else np.concatenate([train.ratings, profiles.ratings])
    data = Interactions(
        users=np.concatenate([public_id[train.users], fakes]).astype(np.int32),
        items=np.concatenate([train.items, profiles.items]),
        n_users=n + m,
        n_items=train.n_items,
        ratings=ratings,
        timestamps=timestamps,
    )
    return Poisoned(data, public_id, n, seed)


def borrow_timestamps(
    train: Interactions, profiles: Profiles, templates: NDArray[np.integer], seed: int
) -> NDArray[np.int64]:
    """Timestamps for every item of every profile, ascending within a profile, int64 [nnz].

    A fake takes a random part of its template's clicks (all, where it is as long), moves them by some days
    and minutes, and stretches every gap a little: an exact copy, of times or of gaps, would betray it.
    Everything stays in the range and on the grid of the training data: many data sets know only the day.
    """
    assert train.timestamps is not None
    if len(profiles) == 0:
        return np.zeros(0, np.int64)
    rng = numpy_rng(seed, "timestamps")
    low = train.timestamps.min()
    ticks = train.timestamps - low
    grid = max(int(np.gcd.reduce(ticks)), 1)
    ticks //= grid
    span = int(ticks.max())
    jitter = JITTER_SECONDS // grid

    available = train.user_counts[templates]
    rows = np.repeat(np.arange(len(profiles)), available)
    within = np.arange(len(rows)) - (np.cumsum(available) - available)[rows]
    times = ticks[train.indptr[templates][rows] + within]
    chosen = np.lexsort((rng.random(len(rows)), rows))[within < profiles.histories.lengths[rows]]
    rows, times = rows[chosen], times[chosen]
    times = times[np.lexsort((times, rows))]

    heads = profiles.indptr[:-1]
    gaps = np.diff(times, prepend=0)
    gaps[heads] = 0
    change = np.clip(gaps * rng.uniform(-STRETCH, STRETCH, len(gaps)), -jitter, jitter)
    gaps = np.maximum(gaps + np.rint(change).astype(np.int64), gaps > 0)
    elapsed = np.cumsum(gaps)
    # Where only the day is known there is no jitter, and the same day would be an exact copy.
    shifts = [days for days in range(-SHIFT_DAYS, SHIFT_DAYS + 1) if days or jitter]
    days = rng.choice(shifts, len(profiles)) * max(DAY // grid, 1)
    arrivals = times[heads] + days + rng.integers(-jitter, jitter + 1, len(profiles))
    moved = arrivals[rows] + elapsed - elapsed[heads][rows]

    folded = moved % max(2 * span, 1)
    folded = np.minimum(folded, 2 * span - folded)
    return np.asarray(low + grid * folded[np.lexsort((folded, rows))], dtype=np.int64)
