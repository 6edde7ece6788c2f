"""What every heuristic attacker keeps: the budget, the targets, the order, the seed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, RecbenchError
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic import assembly
from recbench_plugins.attackers.heuristic.copy import Copy
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.attackers.heuristic.random import Random

every_attacker = pytest.mark.parametrize("attacker", [Random(), Popular(), Copy()], ids=lambda a: type(a).__name__)
ViewOn = Callable[..., AttackerView]


def held(profiles: Profiles, targets: list[int]) -> np.ndarray:
    """How many targets each profile holds."""
    rows = profiles.histories.rows[np.isin(profiles.items, targets)]
    return np.bincount(rows, minlength=len(profiles))


@every_attacker
@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 33), min_size=1, max_size=8),
    targets=st.lists(st.integers(0, 29), max_size=6, unique=True),
    explicit=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_profiles_hold_exactly_the_budget_and_every_target_that_fits(
    attacker: PoisoningAttacker,
    planted: Interactions,
    view_on: ViewOn,
    sizes: list[int],
    targets: list[int],
    explicit: bool,
    seed: int,
) -> None:
    view = view_on(planted, sizes, targets, explicit=explicit, seed=seed)
    profiles = attacker.craft(view)
    profiles.check(view.budget)
    assert profiles.histories.lengths.tolist() == [min(size, 30) for size in sizes]
    assert held(profiles, targets).tolist() == [min(size, len(targets)) for size in sizes]


@every_attacker
def test_a_block_of_one_profile_keeps_the_budget_too(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "CELLS", 1)
    view = view_on(planted, [2, 9, 30, 9], [3, 4, 5])
    profiles = attacker.craft(view)
    profiles.check(view.budget)
    assert profiles.histories.lengths.tolist() == [2, 9, 30, 9]
    assert held(profiles, [3, 4, 5]).tolist() == [2, 3, 3, 3]


@every_attacker
def test_targets_that_do_not_fit_take_turns(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn
) -> None:
    profiles = attacker.craft(view_on(planted, [2] * 300, [1, 5, 9, 29]))
    counts = np.bincount(profiles.items, minlength=30)
    assert counts[[1, 5, 9, 29]].sum() == 600
    assert counts[[1, 5, 9, 29]].min() > 100


@every_attacker
def test_targets_sit_anywhere_in_the_click_order(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn
) -> None:
    profiles = attacker.craft(view_on(planted, [8] * 800, [29]))
    places = np.flatnonzero(profiles.items == 29) % 8
    assert np.bincount(places, minlength=8).min() > 50


@every_attacker
def test_the_seed_decides_everything(attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn) -> None:
    first, again, other = (attacker.craft(view_on(planted, [7] * 5, [3], seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.items, again.items)
    np.testing.assert_array_equal(first.ratings, again.ratings)
    assert not np.array_equal(first.items, other.items)


@every_attacker
def test_a_nuke_on_implicit_feedback_is_refused(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn
) -> None:
    with pytest.raises(RecbenchError, match="nuke is not defined"):
        attacker.craft(view_on(planted, [5], [3], goal="nuke", explicit=False))


@every_attacker
@pytest.mark.parametrize(("goal", "rating"), [("push", 5.0), ("nuke", 1.0)])
def test_targets_get_the_extreme_rating(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn, goal: str, rating: float
) -> None:
    profiles = attacker.craft(view_on(planted, [6] * 20, [3, 29], goal=goal))
    assert profiles.ratings is not None
    assert set(profiles.ratings[np.isin(profiles.items, [3, 29])]) == {rating}
    assert len(set(profiles.ratings)) > 1


@every_attacker
def test_degrading_needs_no_target(attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn) -> None:
    view = view_on(planted, [6] * 20, [], goal="degrade", explicit=False)
    profiles = attacker.craft(view)
    profiles.check(view.budget)
    assert profiles.histories.lengths.tolist() == [6] * 20


@pytest.mark.parametrize("attacker", [Random(), Popular()], ids=lambda a: type(a).__name__)
def test_item_statistics_are_enough(attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn) -> None:
    view = view_on(planted, [6] * 20, [3], knowledge=frozenset({"statistics"}))
    attacker.craft(view).check(view.budget)
