"""The poison model recommends the targets, and the fakes click what it would give them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.contracts import AttackerView, Budget, Profiles, RecbenchError
from recbench_plugins.attackers.gradient.dpa2dl import DPA2DL, take
from recbench_plugins.attackers.objectives import Aim
from recbench_plugins.recommenders.bpr_mf import BPRMF

SMALL = DPA2DL(dim=8, epochs=15, rounds=10, k=5, groups=2)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    def surrogate(name: str, **params: Any) -> BPRMF:
        assert name == "bpr-mf"
        return BPRMF(**params, batch_size=128)

    return view_of(planted(), {"interactions", "surrogate"}, spend or budget(), seed, surrogate=surrogate)


def target_rank(attack: DPA2DL, seen: AttackerView) -> float:
    """log of the target's smoothed rank in the poison model."""
    problem, params = attack.poison_model(seen, Profiles.empty(), 3)
    with torch.no_grad():
        return float(Aim.of(seen, "log-rank").loss(problem, problem.encode(params)))


def test_profiles_hold_the_targets_and_exactly_as_many_items_as_they_may() -> None:
    spend = Budget(np.array([1, 2, 5, 9, 40]), N_ITEMS)
    profiles = SMALL.craft(replace(view(spend=spend), targets=np.array([TARGET, 5], np.int32)))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert [np.isin([TARGET, 5], profiles.histories[k]).sum() for k in range(5)] == [1, 2, 2, 2, 2]


def test_the_target_ranks_better_in_the_poison_model_than_in_a_clean_one() -> None:
    assert target_rank(replace(SMALL, eta=300.0), view()) < target_rank(replace(SMALL, weight=0.0), view()) - 0.5


def test_without_the_attacks_loss_the_fakes_click_what_a_clean_model_gives_them() -> None:
    attack = replace(SMALL, weight=0.0, decay=1.0, groups=1)
    seen = view()
    likings = attack.likings(seen, Profiles.empty(), seen.budget.n_profiles)
    likings[:, TARGET] = 0
    profiles = attack.craft(seen)
    for k, liked in enumerate(likings):
        assert set(profiles.histories[k]) == {TARGET, *np.argsort(-liked)[:7]}


def test_the_attacks_loss_changes_what_the_fakes_click() -> None:
    attacked, clean = (replace(SMALL, weight=weight).craft(view()).items.tolist() for weight in (0.01, 0.0))
    assert sorted(attacked) != sorted(clean)


def test_decay_makes_profiles_differ() -> None:
    distinct = [len(set(replace(SMALL, decay=decay).craft(view()).items)) for decay in (1.0, 0.5)]
    assert distinct[0] < distinct[1]


@settings(max_examples=40, deadline=None)
@given(wanted=st.lists(st.integers(-2, 12), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_each_profile_takes_what_it_likes_best_among_what_is_left_to_chance(wanted: list[int], seed: int) -> None:
    likings = np.random.default_rng(seed).random((len(wanted), 10)) + 0.01
    targets = np.array([3, 7])
    taken, chances = take(likings, np.array(wanted), targets, np.ones(10), 0.5)
    assert taken.sum(1).tolist() == [min(max(count, 0), 8) for count in wanted]
    assert not taken[:, targets].any()
    expected = np.ones(10)
    for row, liked in zip(taken, likings, strict=True):
        keys = np.delete(liked * expected, targets)
        inside = np.delete(row, targets)
        assert keys[inside].min(initial=np.inf) >= keys[~inside].max(initial=0)
        expected[row] *= 0.5
        if (np.delete(expected, targets) < 1).all():
            expected[:] = 1
    np.testing.assert_allclose(chances, expected)


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    first, again, other = (SMALL.craft(view(seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("change", "message"), [({"goal": "nuke"}, "cannot nuke"), ({"feedback": "explicit"}, "writes clicks, not ratings")]
)
def test_a_goal_or_a_track_that_is_not_its_own_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecbenchError, match=message):
        SMALL.craft(replace(view(), **change))


def test_with_gradients_passed_few_epochs_make_a_poison_model_too() -> None:
    few = replace(SMALL, epochs=3, eta=300.0, passing=True)
    assert target_rank(few, view()) < target_rank(replace(few, weight=0.0), view()) - 0.3
    assert target_rank(few, view()) != target_rank(replace(few, passing=False), view())
