"""What every heuristic attacker keeps: the budget, the targets, the order, the seed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.conformance.arena import Task
from recbench.contracts import AttackerView, Budget, PoisoningAttacker, Profiles, RecbenchError
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic import assembly
from recbench_plugins.attackers.heuristic.average import Average
from recbench_plugins.attackers.heuristic.bandwagon import Bandwagon
from recbench_plugins.attackers.heuristic.copy import Copy
from recbench_plugins.attackers.heuristic.love_hate import LoveHate
from recbench_plugins.attackers.heuristic.obfuscated import Obfuscated
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.attackers.heuristic.power_user import PowerUser
from recbench_plugins.attackers.heuristic.random import Random
from recbench_plugins.attackers.heuristic.reverse_bandwagon import ReverseBandwagon
from recbench_plugins.attackers.heuristic.segment import Segment

ViewOn = Callable[..., AttackerView]
PUSH_ONLY: list[PoisoningAttacker] = [Bandwagon(), Segment()]
NUKE_ONLY: list[PoisoningAttacker] = [LoveHate(), ReverseBandwagon()]
EITHER: list[PoisoningAttacker] = [Random(), Average(), Popular(), PowerUser(), Copy()]


def among(*attackers: PoisoningAttacker) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attacker", attackers, ids=lambda attacker: type(attacker).__name__)


every_attacker = among(*EITHER, *PUSH_ONLY)


def held(profiles: Profiles, targets: list[int]) -> np.ndarray:
    """How many targets each profile holds."""
    rows = profiles.histories.rows[np.isin(profiles.items, targets)]
    return np.bincount(rows, minlength=len(profiles))


@every_attacker
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 33), min_size=1, max_size=8),
    targets=st.lists(st.integers(0, 29), min_size=1, max_size=6, unique=True),
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


@among(*EITHER, *NUKE_ONLY, Obfuscated())
@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 33), min_size=1, max_size=8),
    targets=st.lists(st.integers(0, 29), min_size=1, max_size=6, unique=True),
)
def test_a_nuke_keeps_to_the_budget_and_rates_every_target_lowest(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn, sizes: list[int], targets: list[int]
) -> None:
    view = view_on(planted, sizes, targets, goal="nuke")
    profiles = attacker.craft(view)
    profiles.check(view.budget)
    assert profiles.ratings is not None
    assert profiles.histories.lengths.tolist() == [min(size, 30) for size in sizes]
    assert held(profiles, targets).tolist() == [min(size, len(targets)) for size in sizes]
    assert (profiles.ratings[np.isin(profiles.items, targets)] == 1).all()


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


@among(*EITHER)
def test_a_nuke_on_implicit_feedback_is_refused(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn
) -> None:
    with pytest.raises(RecbenchError, match="nuke is not defined"):
        attacker.craft(view_on(planted, [5], [3], goal="nuke", explicit=False))


@among(*PUSH_ONLY)
def test_an_attack_that_only_pushes_refuses_to_nuke(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn
) -> None:
    with pytest.raises(RecbenchError, match=r"bandwagon pushes|segment pushes"):
        attacker.craft(view_on(planted, [5], [3], goal="nuke"))


@among(*NUKE_ONLY)
@pytest.mark.parametrize("goal", ["push", "degrade"])
def test_an_attack_that_only_nukes_refuses_any_other_goal(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn, goal: str
) -> None:
    with pytest.raises(RecbenchError, match=f"nukes; it cannot {goal}"):
        attacker.craft(view_on(planted, [5], [3], goal=goal))


@among(*NUKE_ONLY, Obfuscated())
def test_an_attack_made_of_ratings_refuses_clicks(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn
) -> None:
    with pytest.raises(RecbenchError, match="made of ratings"):
        attacker.craft(view_on(planted, [5], [3], goal="nuke", explicit=False))


@among(*EITHER, *NUKE_ONLY, Obfuscated())
def test_a_nuke_lowers_its_targets_on_a_planted_victim(attacker: PoisoningAttacker) -> None:
    falls = []
    for unit in range(4):
        task = Task.plant(unit)
        view = task.view(frozenset({"interactions"}), "explicit", "nuke", 2)
        rows = task.train.ratings_csr.toarray()
        profiles = attacker.craft(view)
        assert profiles.ratings is not None
        fakes = np.zeros((len(profiles), view.n_items))
        fakes[profiles.histories.rows, profiles.items] = profiles.ratings
        clean, attacked = (predicted(np.vstack([rows, more]))[: len(rows)] for more in (fakes[:0], fakes))
        falls.append(mean_place(attacked, view.targets) - mean_place(clean, view.targets))
    assert np.mean(falls) > 2


def predicted(rows: np.ndarray) -> np.ndarray:
    """Ratings [n_users, n_items] by users alike: Pearson's correlation over common items, deviations from means."""
    held = rows > 0
    means = rows.sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    centred = np.where(held, rows - means[:, None], 0.0)
    lengths = np.sqrt((centred**2 @ held.T) * (held @ (centred**2).T))
    alike = np.maximum(centred @ centred.T / np.maximum(lengths, 1e-9), 0)
    np.fill_diagonal(alike, 0)
    return np.asarray(means[:, None] + alike @ centred / (alike @ held + 1))


def mean_place(ratings: np.ndarray, targets: np.ndarray) -> float:
    """The mean place of the targets among all items by predicted rating, 0 is the top."""
    return float(np.mean([(ratings > ratings[:, [target]]).sum(axis=1).mean() for target in targets]))


@among(*EITHER)
@pytest.mark.parametrize(("goal", "rating"), [("push", 5.0), ("nuke", 1.0)])
def test_targets_get_the_extreme_rating(
    attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn, goal: str, rating: float
) -> None:
    profiles = attacker.craft(view_on(planted, [6] * 20, [3, 29], goal=goal))
    assert profiles.ratings is not None
    assert set(profiles.ratings[np.isin(profiles.items, [3, 29])]) == {rating}
    assert len(set(profiles.ratings)) > 1


@among(*EITHER, Bandwagon())
def test_degrading_needs_no_target(attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn) -> None:
    view = view_on(planted, [6] * 20, [], goal="degrade", explicit=False)
    profiles = attacker.craft(view)
    profiles.check(view.budget)
    assert profiles.histories.lengths.tolist() == [6] * 20


@among(Random(), Average(), Popular(), Bandwagon(), Obfuscated())
def test_item_statistics_are_enough(attacker: PoisoningAttacker, planted: Interactions, view_on: ViewOn) -> None:
    view = view_on(planted, [6] * 20, [3], knowledge=frozenset({"statistics"}))
    attacker.craft(view).check(view.budget)


def test_the_nukes_need_no_more_than_they_declare(planted: Interactions, view_on: ViewOn) -> None:
    for attacker, knowledge in ((LoveHate(), frozenset()), (ReverseBandwagon(), frozenset({"statistics"}))):
        view = view_on(planted, [6] * 20, [3], goal="nuke", knowledge=knowledge)
        attacker.craft(view).check(view.budget)


def test_no_attacker_holds_ten_thousand_profiles_of_a_large_catalogue_densely(planted: Interactions) -> None:
    """Levels are asked for in blocks of at most `CELLS` cells, whatever the catalogue's size."""
    asked = []
    view = AttackerView(
        targets=np.array([3], np.int32),
        budget=Budget(np.full(300, 8), 41_000),
        goal="push",
        feedback="implicit",
        n_items=41_000,
        seed=0,
        knowledge=frozenset(),
    )

    def levels(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return np.zeros(41_000)

    assembly.assemble(view, levels).check(view.budget)
    assert sum(asked) == 300
    assert max(asked) * 41_000 <= assembly.CELLS
