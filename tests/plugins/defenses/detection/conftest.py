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
from recbench_plugins.attackers.heuristic.average import Average
from recbench_plugins.attackers.heuristic.bandwagon import Bandwagon
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.attackers.heuristic.random import Random

ATTACKS = {
    "random": Random(),
    "average": Average(),
    "bandwagon": Bandwagon(selected=0.05, pool=0.003),
    "popular": Popular(),
}
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
def poisoned(genuine: dict[str, Interactions]) -> Callable[..., Poisoned]:
    """A function from a data set and an attack size to data under an attack on one cold item, and who is fake.

    Fakes are as long as genuine users drawn at random, or, with `mean_length`, all of the mean length.
    """

    def poison(
        name: str, attack_size: float, attack: str = "random", seed: int = 5, mean_length: bool = False
    ) -> Poisoned:
        data = genuine[name]
        rng = np.random.default_rng(seed)
        target = rng.choice(np.flatnonzero((data.item_counts > 0) & (data.item_counts <= 5)))
        sizes = rng.choice(data.user_counts[data.user_counts > 0], round(attack_size * data.n_users))
        if mean_length:
            sizes = np.full_like(sizes, round(data.user_counts.mean()))
        scale = RatingScale(1, 5, 1) if name == "ml-100k" else RatingScale(0.5, 4, 0.5)
        view = AttackerView(
            targets=np.array([target], dtype=np.int32),
            budget=Budget(sizes, data.n_items, scale),
            goal="push",
            feedback="explicit",
            n_items=data.n_items,
            seed=seed,
            knowledge=frozenset({"statistics"}),
            secrets={"statistics": ItemStatistics.of(data)},
        )
        profiles = ATTACKS[attack].craft(view)
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


Relabelled = tuple[Interactions, NDArray[np.int64]]


@pytest.fixture(scope="session")
def relabelled() -> Callable[[Interactions], Relabelled]:
    """A function to the same data with users renamed and rows in another order, and the new id of each user."""

    def relabel(data: Interactions) -> Relabelled:
        rng = np.random.default_rng(9)
        ids, rows = rng.permutation(data.n_users), rng.permutation(len(data))
        ratings = None if data.ratings is None else data.ratings[rows]
        return Interactions(ids[data.users[rows]], data.items[rows], data.n_users, data.n_items, ratings), ids

    return relabel
