"""PORE's certificate against every poisoning attacker that there is, by exact probabilities: with no room for luck.

On ten users every sample can be trained on. So the shares that PORE estimates are known, before an attack and after
it, and what the certificate says of them must hold in every case.
"""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from contracts.planted import appended
from numpy.typing import NDArray

from recbench.component import Component
from recbench.contracts import (
    AttackerView,
    Budget,
    FitContext,
    ItemStatistics,
    Profiles,
    derive_seed,
    numpy_rng,
)
from recbench.data import Interactions
from recbench.plugins import load_plugins
from recbench.specs import build, resolve
from recbench_plugins.defenses.certified import pore as module
from recbench_plugins.defenses.certified.pore import PORE, rows_of
from recbench_plugins.recommenders.item_knn import ItemKNN

USERS, CORE, ITEMS, TARGET = 10, 8, 14, 13
FAKES = 2
DEFENSE = PORE(sample=2, rounds=1, listed=2, k=2, fakes=FAKES)

CHEAP = {
    "steps": 2,
    "imitation_steps": 2,
    "outer_steps": 2,
    "epochs": 3,
    "last_epochs": 2,
    "start_epochs": 2,
    "starts": 1,
    "held_out": 1,
    "judges": 1,
    "trials": 2,
    "rounds": 1,
    "surrogates": 1,
    "dim": 4,
    "hidden": 8,
    "batch": 8,
}
"""What parameters of these names are set to: the promise is of any fakes, not of good ones."""


def zoo() -> list[Component]:
    """The attackers that poison by clicks in order to push."""
    attackers = load_plugins().components("attacker")
    return [each for each in attackers if "poisoning" in each.provides and each.serves("push", "implicit")]


@pytest.fixture(scope="module")
def train() -> Interactions:
    """Each user has six of eight core items and a click elsewhere; whatever a model sees, it lists the other two."""
    rng = numpy_rng(4, "core")
    core = [rng.permutation(CORE)[:6] for _ in range(USERS)]
    other = [[rng.integers(CORE, ITEMS)] for _ in range(USERS)]
    items = np.concatenate([np.concatenate(pair) for pair in zip(core, other, strict=True)])
    return Interactions(np.repeat(np.arange(USERS), 7), items, USERS, ITEMS)


Votes = NDArray[np.int64]
_trained: dict[bytes, NDArray[np.int32]] = {}


def votes(data: Interactions) -> Votes:
    """How many of all samples list each item for each genuine user who is in them, [USERS, ITEMS]."""
    found = np.zeros((USERS, ITEMS), dtype=np.int64)
    for sample in combinations(range(data.n_users), DEFENSE.sample):
        rows = rows_of(data, np.array(sample))
        key = rows.csr.toarray().astype(bool).tobytes()
        if key not in _trained:  # samples without fakes are those of the clean data
            _trained[key] = DEFENSE._lists(ItemKNN(), rows, FitContext(seed=0))
        for user, top in zip(sample, _trained[key], strict=True):
            if user < USERS:
                found[user, top[top >= 0]] += 1
    return found


class Exact:
    """Stands for the confidence bounds of shares that are known; the margin is for rounding."""

    def __init__(self, miss: float, trials: int) -> None:
        pass

    def of(self, seen: Any, trials: Any) -> tuple[Any, Any]:
        return seen / trials - 1e-9, seen / trials + 1e-9


@pytest.fixture(scope="module")
def certified(train: Interactions) -> NDArray[np.int32]:
    """Of each user's two items, how many stay under one fake and under two, [USERS, 2]."""
    trials = np.full(USERS, comb(USERS - 1, DEFENSE.sample - 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Intervals", Exact)
        return DEFENSE.certified(sp.csr_matrix(votes(train)), trials, train)


def left(train: Interactions, fakes: Profiles) -> NDArray[np.int64]:
    """How many of each user's two items are among the two first afterwards, ties broken against them."""
    before, after = (np.where(train.csr.toarray() > 0, -1, votes(data)) for data in (train, appended(train, fakes)))
    mine = np.zeros(before.shape, dtype=bool)
    np.put_along_axis(mine, np.argsort(-before, axis=1, kind="stable")[:, : DEFENSE.k], True, axis=1)
    ahead = np.argsort(-(2 * after + ~mine), axis=1)[:, : DEFENSE.k]
    return np.asarray(np.take_along_axis(mine, ahead, axis=1).sum(axis=1))


def crafted(attacker: Component, train: Interactions, count: int) -> Profiles:
    """Fakes of seven items, the target among them."""
    names = {field.name for field in fields(resolve(attacker))}

    def surrogate(name: str, **params: Any) -> Any:
        component = load_plugins().get("recommender", name)
        return build(component, {**params, **({"epochs": 3} if "epochs" not in params else {})})

    shown = {
        "statistics": ItemStatistics.of(train),
        "interactions": train,
        "surrogate": surrogate,
        "defense": PORE(sample=2, rounds=1, listed=2, k=2),
    }
    knowledge = attacker.knowledge | ({"statistics"} if "interactions" in attacker.knowledge else set())
    assert knowledge <= shown.keys(), f"{attacker.name} wants to see more than this test knows how to show it"
    budget = Budget(np.full(count, 7), ITEMS)
    view = AttackerView(
        targets=np.array([TARGET], dtype=np.int32),
        budget=budget,
        goal="push",
        feedback="implicit",
        n_items=ITEMS,
        seed=derive_seed(0, attacker.name),
        knowledge=knowledge,
        secrets={kind: shown[kind] for kind in knowledge},
    )
    profiles = build(attacker, {name: value for name, value in CHEAP.items() if name in names}).craft(view)
    profiles.check(budget)
    assert len(profiles)
    return profiles


@pytest.mark.parametrize("attacker", zoo(), ids=lambda component: component.name)
def test_no_attacker_takes_out_more_than_the_certificate_allows(
    attacker: Component, train: Interactions, certified: NDArray[np.int32]
) -> None:
    fakes = crafted(attacker, train, FAKES)
    assert (left(train, fakes) >= certified[:, FAKES - 1]).all()
    alone = Profiles(fakes.indptr[:2], fakes.items[: fakes.indptr[1]])
    assert (left(train, alone) >= certified[:, 0]).all()


def test_the_certificate_says_something_and_attacks_do_something(
    train: Interactions, certified: NDArray[np.int32]
) -> None:
    """Else it could not be violated, or nothing could violate it."""
    assert certified[:, 0].sum() >= USERS
    assert 0 < certified[:, 1].sum() < certified[:, 0].sum()
    worst = min(left(train, crafted(each, train, FAKES)).sum() for each in zoo() if each.name in ("popular", "copy"))
    assert worst < USERS * DEFENSE.k
