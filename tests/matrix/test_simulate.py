"""The examples of supervised defenses are another attack's, and tell nothing of who is who in the data as given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recbench.contracts import BudgetViolation, Profiles
from recbench.data.interactions import Interactions
from recbench.matrix import simulate as stage
from recbench.matrix.craft import craft, crafted
from recbench.matrix.injection import Poisoned, draw_templates, inject
from recbench.matrix.prepared import Prepared
from recbench.matrix.simulate import simulate
from recbench.matrix.surroundings import profiles_of
from recbench.seeds import numpy_rng
from recbench.store import Artifact

COMMON = {"dataset": "ml-100k", "seed": 0, "device": "cpu", "threads": 1}
RULE = {"strategy": "unpopular", "fraction": 0.2, "count": 5, "groups": 2}
SIZE = 0.05
COPIES = 12
"""Injections over which it is counted whose rows the examples repeat."""


@pytest.fixture
def arguments(spec: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def arguments(*attackers: str, **changes: Any) -> dict[str, Any]:
        named = {"attackers": [spec("attacker", name) for name in attackers], "surrogates": [], "replica": 0}
        return COMMON | named | {"size": SIZE, "goal": "push", "targets": RULE} | changes

    return arguments


@pytest.fixture
def poison(spec: Callable[..., dict[str, Any]], artifact: Artifact) -> Callable[..., Artifact]:
    def poison(name: str = "popular", size: float = 0.03) -> Artifact:
        nobody = {"victim": None, "defense": [], "surrogates": [], "goal": "push", "group": 0}
        return craft(COMMON | nobody | {"attacker": spec("attacker", name), "size": size}, {"prepared": artifact})

    return poison


def targets_of(profiles: Profiles, n_items: int) -> NDArray[np.int64]:
    """The items that nearly all of the profiles hold."""
    return np.flatnonzero(np.bincount(profiles.items, minlength=n_items) > 0.9 * len(profiles))


def test_every_attacker_has_targets_of_its_own_and_none_of_the_cells(
    arguments: Callable[..., dict[str, Any]], artifact: Artifact, prepared: Prepared
) -> None:
    made = [profiles_of(simulate(arguments(name), {"prepared": artifact})) for name in ("random", "average")]
    first, second = (set(targets_of(each, prepared.train.n_items)) for each in made)
    assert len(first) == len(second) == 5
    assert not first & second
    assert not (first | second) & set(prepared.targets.ravel())
    both = profiles_of(simulate(arguments("random", "average"), {"prepared": artifact}))
    assert np.array_equal(both.items, np.concatenate([each.items for each in made]))
    assert both.ratings is None


def test_the_same_examples_come_again(
    arguments: Callable[..., dict[str, Any]], artifact: Artifact, poison: Callable[..., Artifact]
) -> None:
    inputs = {"prepared": artifact, "profiles": poison()}
    assert simulate(arguments("bandwagon"), inputs).digest == simulate(arguments("bandwagon"), inputs).digest


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> list[Prepared]:
    """What the attackers of the examples are shown, as it happens."""
    seen: list[Prepared] = []

    def noting(prepared: Prepared, arguments: dict[str, Any]) -> Artifact:
        seen.append(prepared)
        return crafted(prepared, arguments)

    monkeypatch.setattr(stage, "crafted", noting)
    return seen


def test_its_attackers_see_the_data_as_a_defense_does_and_no_row_beside_it(
    arguments: Callable[..., dict[str, Any]],
    artifact: Artifact,
    prepared: Prepared,
    poison: Callable[..., Artifact],
    scenes: list[Prepared],
) -> None:
    attack = poison()
    simulate(arguments("random"), {"prepared": artifact, "profiles": attack})
    split = scenes[0].split
    assert split.train.n_users == 943 + 28
    assert len(split.train) == len(prepared.train) + len(attack.arrays["items"])
    assert len(split.validation) == len(split.test) == 0


def test_who_is_fake_and_what_was_set_aside_change_no_example(
    arguments: Callable[..., dict[str, Any]],
    artifact: Artifact,
    prepared: Prepared,
    poison: Callable[..., Artifact],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same data as given, with other users fake, fewer of them, and other validation and test rows."""
    attack = poison()
    given = stage.poison(prepared, attack, 0)
    before = simulate(arguments("copy", "popular"), {"prepared": artifact, "profiles": attack})
    another = Poisoned(given.data, numpy_rng(0, "others").permutation(given.public_id), 960, seed=7)
    monkeypatch.setattr(stage, "poison", lambda *_: another)
    swapped = replace(prepared.split, validation=prepared.split.test, test=prepared.split.validation)
    after = simulate(arguments("copy", "popular"), {"prepared": replace(prepared, split=swapped).artifact()})
    assert after.digest == before.digest


def test_their_number_is_a_share_of_the_users_as_given_whatever_share_of_them_is_fake(
    arguments: Callable[..., dict[str, Any]], artifact: Artifact, poison: Callable[..., Artifact]
) -> None:
    for attack in (poison(size=0.03), poison(size=0.1)):
        users = 943 + len(attack.arrays["templates"])
        made = simulate(arguments("random"), {"prepared": artifact, "profiles": attack})
        assert len(profiles_of(made)) == round(SIZE * users)


def repeated(train: Interactions, examples: Profiles) -> NDArray[np.bool_]:
    """Whose row [n_users] holds all of an example but its targets: who was copied is given away by this."""
    held = np.zeros((len(examples), train.n_items), dtype=np.float32)
    held[examples.histories.rows, examples.items] = 1
    held[:, targets_of(examples, train.n_items)] = 0
    return np.asarray((train.csr @ held.T >= held.sum(axis=1)) & (held.sum(axis=1) > 10)).any(axis=1)


def test_rows_that_examples_repeat_are_genuine_as_often_as_all_are_and_a_clean_split_would_give_them_away(
    arguments: Callable[..., dict[str, Any]],
    artifact: Artifact,
    prepared: Prepared,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = arguments("copy", size=0.2)
    found: dict[str, list[Any]] = {"as given": [], "clean": []}
    for seed in range(COPIES):
        templates = draw_templates(prepared.train, 94, seed)
        rows = np.repeat(np.arange(94), prepared.train.user_counts[templates])
        # Rows of genuine users, shifted by some items: as varied, and nobody's.
        at = np.concatenate([np.arange(*prepared.train.indptr[user : user + 2]) for user in templates])
        moved = (prepared.train.items[at] + 500) % prepared.train.n_items
        poisoned = inject(prepared.train, Profiles.from_pairs(rows, moved, 94), templates, seed)
        fake = np.zeros(poisoned.data.n_users, dtype=np.bool_)
        fake[poisoned.public_id[943:]] = True
        clean = inject(prepared.train, Profiles.empty(), templates[:0], seed)
        for name, shown in (("as given", poisoned), ("clean", clean)):
            monkeypatch.setattr(stage, "poison", lambda *_, shown=shown: shown)
            examples = profiles_of(simulate(asked | {"seed": seed}, {"prepared": artifact}))
            found[name].append([repeated(poisoned.data, examples)[group].sum() for group in (fake, ~fake)])
    given, clean = (np.sum(found[name], axis=0) for name in ("as given", "clean"))
    share = 94 / (943 + 94)
    repeats = given.sum()
    assert repeats > 500
    assert abs(given[0] / repeats - share) < 3 * np.sqrt(share * (1 - share) / repeats)
    assert clean[1] > 500
    assert clean[0] == 0


def test_an_attacker_that_overspends_is_named(arguments: Callable[..., dict[str, Any]], artifact: Artifact) -> None:
    with pytest.raises(BudgetViolation, match=r"attacker 'overspends', whose fakes were to be examples: .*targets"):
        simulate(arguments("Overspends"), {"prepared": artifact})
