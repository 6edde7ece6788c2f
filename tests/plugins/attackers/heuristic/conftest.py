"""Genuine data, and a view on it as the harness would cut it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbench.contracts import AttackerView, Budget, Goal, ItemStatistics, RatingScale
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions

STARS = RatingScale(1.0, 5.0, 1.0)


@pytest.fixture(scope="session")
def movielens(mirror: Path) -> Interactions:
    """ml-100k with its ratings."""
    return read_interactions(mirror / "ml-100k").interactions


@pytest.fixture(scope="session")
def planted() -> Interactions:
    """60 users who rated 3 to 25 of 30 items; item 29 was never rated."""
    rng = np.random.default_rng(7)
    pairs = [(u, i) for u in range(60) for i in rng.choice(29, size=rng.integers(3, 26), replace=False)]
    users, items = np.array(pairs).T
    return Interactions(users, items, 60, 30, rng.integers(1, 6, len(users)).astype(np.float32))


@pytest.fixture(scope="session")
def view_on() -> Callable[..., AttackerView]:
    """A function from data, profile sizes and targets to an attacker's view."""

    def build(
        data: Interactions,
        sizes: Any,
        targets: Any,
        goal: Goal = "push",
        explicit: bool = True,
        seed: int = 0,
        knowledge: frozenset[str] = frozenset({"interactions"}),
    ) -> AttackerView:
        seen = data if explicit else binarize(data)
        return AttackerView(
            targets=np.asarray(targets, dtype=np.int32),
            budget=Budget(np.asarray(sizes, dtype=np.int64), data.n_items, STARS if explicit else None),
            goal=goal,
            feedback="explicit" if explicit else "implicit",
            n_items=data.n_items,
            seed=seed,
            knowledge=knowledge,
            secrets={"interactions": seen, "statistics": ItemStatistics.of(seen)},
        )

    return build
