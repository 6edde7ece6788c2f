"""Ratings moved, and nothing but ratings."""

from collections.abc import Callable

import numpy as np
import pytest

from recbench.component import GOALS, Goal
from recbench.contracts import AttackerView, PoisoningAttacker
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.average import Average
from recbench_plugins.attackers.heuristic.obfuscated import BASES, Base, Obfuscated, Technique
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.attackers.heuristic.reverse_bandwagon import ReverseBandwagon

ViewOn = Callable[..., AttackerView]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("technique", ["noise-injection", "user-shifting", "target-shifting"])
def test_which_items_are_held_never_changes(
    planted: Interactions, view_on: ViewOn, base: Base, technique: Technique
) -> None:
    view = view_on(planted, [6, 9, 12] * 10, [3, 29])
    profiles = Obfuscated(base, technique).craft(view)
    profiles.check(view.budget)
    np.testing.assert_array_equal(profiles.items, BASES[base].craft(view).items)


@pytest.mark.parametrize(("goal", "rating"), [("push", 4.0), ("nuke", 2.0)])
def test_target_shifting_moves_the_target_inward_and_nothing_else(
    planted: Interactions, view_on: ViewOn, goal: str, rating: float
) -> None:
    view = view_on(planted, [9] * 30, [3, 29], goal=goal)
    profiles, plain = Obfuscated(technique="target-shifting").craft(view), Average().craft(view)
    assert profiles.ratings is not None
    assert plain.ratings is not None
    at_target = np.isin(profiles.items, [3, 29])
    assert set(profiles.ratings[at_target]) == {rating}
    np.testing.assert_array_equal(profiles.ratings[~at_target], plain.ratings[~at_target])


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("goal", GOALS)
def test_every_base_serves_every_goal_that_the_component_declares(
    planted: Interactions, view_on: ViewOn, base: Base, goal: Goal
) -> None:
    view = view_on(planted, [9] * 30, [3, 29], goal=goal)
    profiles = Obfuscated(base).craft(view)
    profiles.check(view.budget)
    assert np.isin([3, 29], profiles.items).all() or goal == "degrade"


def test_a_bandwagon_nukes_in_the_company_of_what_nobody_likes(planted: Interactions, view_on: ViewOn) -> None:
    view = view_on(planted, [9] * 30, [3, 29], goal="nuke")
    crafted = Obfuscated("bandwagon").craft(view)
    np.testing.assert_array_equal(crafted.items, ReverseBandwagon().craft(view).items)


def shifts(base: PoisoningAttacker, attacker: Obfuscated, view: AttackerView) -> tuple[np.ndarray, np.ndarray]:
    """How far each filler [m, size - 1] has moved, and its rating before."""
    plain, moved = base.craft(view), attacker.craft(view)
    assert plain.ratings is not None
    assert moved.ratings is not None
    target = np.isin(plain.items, view.targets)
    assert (moved.ratings[target] == 5).all()
    shape = (len(plain), -1)
    return (moved.ratings - plain.ratings)[~target].reshape(shape), plain.ratings[~target].reshape(shape)


def test_noise_moves_a_share_of_the_fillers_either_way(movielens: Interactions, view_on: ViewOn) -> None:
    attacker = Obfuscated(technique="noise-injection", share=0.5, deviation=2.0)
    change, before = shifts(Average(), attacker, view_on(movielens, [101] * 100, [1400]))
    middle = before == 3
    # P(|2 z| > 0.5) = 0.80 of the half that is drawn.
    assert (change != 0)[middle].mean() == pytest.approx(0.4, abs=0.05)
    assert abs(change[middle].mean()) < 0.1


def test_a_shifted_user_moves_all_of_its_chosen_fillers_the_same_way(movielens: Interactions, view_on: ViewOn) -> None:
    attacker = Obfuscated("popular", "user-shifting", share=1.0, deviation=1.0)
    change, before = shifts(Popular(), attacker, view_on(movielens, [41] * 200, [1400]))
    assert all(len(set(row[start == 2])) == 1 for row, start in zip(change, before, strict=True))
    assert {0.0, 1.0, 2.0} <= set(change[:, :].max(axis=1))
