"""Poisoned data as a detector meets it: everybody under a permuted id."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recbench.contracts import AttackerView, Budget, ItemStatistics, RatingScale
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.data.splits import ratio_split
from recbench_plugins.attackers.heuristic.random import Random

Poisoned = tuple[Interactions, NDArray[np.bool_]]


@pytest.fixture(scope="session")
def genuine(mirror: Path) -> dict[str, Interactions]:
    """Training parts of two real data sets, by name."""
    sources = {"ml-100k": mirror / "ml-100k", "filmtrust": mirror / "filmtrust" / "ratings.txt"}
    return {
        name: ratio_split(read_interactions(path, duplicates="last").interactions, seed=1).train
        for name, path in sources.items()
    }


@pytest.fixture(scope="session")
def poisoned(genuine: dict[str, Interactions]) -> Callable[[str, float], Poisoned]:
    """A function from a data set and an attack size to data under a random attack on one cold item, and who is fake."""

    def poison(name: str, attack_size: float) -> Poisoned:
        data = genuine[name]
        rng = np.random.default_rng(5)
        target = rng.choice(np.flatnonzero((data.item_counts > 0) & (data.item_counts <= 5)))
        sizes = rng.choice(data.user_counts[data.user_counts > 0], round(attack_size * data.n_users))
        scale = RatingScale(1, 5, 1) if name == "ml-100k" else RatingScale(0.5, 4, 0.5)
        view = AttackerView(
            targets=np.array([target], dtype=np.int32),
            budget=Budget(sizes, data.n_items, scale),
            goal="push",
            feedback="explicit",
            n_items=data.n_items,
            seed=5,
            knowledge=frozenset({"statistics"}),
            secrets={"statistics": ItemStatistics.of(data)},
        )
        profiles = Random().craft(view)
        n = data.n_users + len(profiles)
        ids = rng.permutation(n)
        assert data.ratings is not None
        assert profiles.ratings is not None
        mixed = Interactions(
            ids[np.concatenate([data.users, data.n_users + profiles.histories.rows])],
            np.concatenate([data.items, profiles.items]),
            n,
            data.n_items,
            np.concatenate([data.ratings, profiles.ratings]),
        )
        fake = np.zeros(n, dtype=bool)
        fake[ids[data.n_users :]] = True
        return mixed, fake

    return poison
