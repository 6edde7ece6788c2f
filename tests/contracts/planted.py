"""Planted data with blocks of preference, and what the harness does around an attack, in small."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import (
    AttackerView,
    Budget,
    Differentiable,
    FitContext,
    Profiles,
    RatingScale,
    Scorer,
    derive_seed,
    numpy_rng,
)
from recbench.data.interactions import Interactions

SCALE = RatingScale(1, 5, 1)
BLOCKS, BLOCK = 4, 10
N_ITEMS = BLOCKS * BLOCK
TARGET = N_ITEMS - 1


def planted(seed: int = 0, n_users: int = 60, explicit: bool = False) -> Interactions:
    """Each user clicks through 7 of the 10 items of one block, in the block's cyclic order, after one item elsewhere.

    The last item, the target, is clicked by two users only. Ratings are 4 or 5 inside the block and 1 or 2 outside.
    """
    rng = numpy_rng(seed, "planted")
    users, items, ratings = [], [], []
    for user in range(n_users):
        block = user % BLOCKS
        inside = block * BLOCK + (rng.integers(BLOCK) + np.arange(7)) % BLOCK
        outside = (block + 1 + rng.integers(BLOCKS - 1)) % BLOCKS * BLOCK + rng.integers(BLOCK)
        clicked = np.concatenate([[outside], inside])
        rated = np.concatenate([rng.integers(1, 3, 1), rng.integers(4, 6, 7)])
        if user not in (3, 7):
            clicked, rated = clicked[clicked != TARGET], rated[clicked != TARGET]
        users.append(np.full(len(clicked), user))
        items.append(clicked)
        ratings.append(rated)
    rated = np.concatenate(ratings).astype(np.float32) if explicit else None
    return Interactions(np.concatenate(users), np.concatenate(items), n_users, N_ITEMS, ratings=rated)


def appended(train: Interactions, profiles: Profiles) -> Interactions:
    """The data with the profiles' users after the genuine ones."""
    ratings = None
    if train.ratings is not None:
        assert profiles.ratings is not None
        ratings = np.concatenate([train.ratings, profiles.ratings])
    return Interactions(
        np.concatenate([train.users, train.n_users + profiles.histories.rows]),
        np.concatenate([train.items, profiles.items]),
        train.n_users + len(profiles),
        train.n_items,
        ratings=ratings,
    )


def budget(m: int = 6, size: int = 8, explicit: bool = False) -> Budget:
    return Budget(np.full(m, size), N_ITEMS, SCALE if explicit else None)


def view_of(train: Interactions, knowledge: set[str], spend: Budget, seed: int = 0, **secrets: Any) -> AttackerView:
    """The view of a push of the target; `secrets` beside the data itself."""
    return AttackerView(
        targets=np.array([TARGET], dtype=np.int32),
        budget=spend,
        goal="push",
        feedback="implicit" if spend.scale is None else "explicit",
        n_items=N_ITEMS,
        seed=seed,
        knowledge=frozenset(knowledge),  # type: ignore[arg-type]
        secrets={"interactions": train, **secrets},
    )


def random_profiles(spend: Budget, seed: int, target: int = TARGET) -> Profiles:
    """The target and random fillers; the target at the highest rating and fillers at random ones."""
    rng = numpy_rng(seed, "random-profiles")
    rows = np.repeat(np.arange(spend.n_profiles), spend.sizes)
    others = np.delete(np.arange(N_ITEMS), target)
    flat = np.concatenate([[target, *rng.choice(others, size - 1, replace=False)] for size in spend.sizes])
    ratings = None
    if spend.scale is not None:
        ratings = np.where(flat == target, spend.scale.high, rng.integers(1, 6, len(flat))).astype(np.float32)
    return Profiles.from_pairs(rows, flat, spend.n_profiles, ratings)


def log_ranks(scorer: Scorer, train: Interactions) -> NDArray[np.float64]:
    """log2 of the target's rank among what each genuine user has not consumed; users who have it are left out."""
    scores = np.asarray(scorer.score(np.arange(train.n_users))).astype(np.float64)
    consumed = train.csr.toarray() > 0
    eligible = ~consumed[:, TARGET]
    scores[consumed] = -np.inf
    return np.log2(1 + (scores[eligible] > scores[eligible, TARGET, None]).sum(1))


def rank_gain(model: Differentiable, train: Interactions, profiles: Profiles, seeds: range) -> float:
    """Bits by which the profiles raise the target's rank for genuine users, the mean over fits with `seeds`."""
    gains = []
    for seed in seeds:
        ctx = FitContext(derive_seed(seed, "victim"))
        clean = log_ranks(model.fit(train, ctx), train)
        gains.append((clean - log_ranks(model.fit(appended(train, profiles), ctx), train)).mean())
    return float(np.mean(gains))
