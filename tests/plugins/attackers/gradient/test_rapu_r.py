"""RAPU-R: proxy users near the target, popular items that they would be recommended, exact budgets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of

from recbench.contracts import AttackerView, Budget, ItemStatistics, RecbenchError
from recbench_plugins.attackers.gradient.rapu_r import RAPUR

SMALL = RAPUR(dim=6, l2=2.0, candidates=0.5)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    train = planted()
    return view_of(train, {"interactions"}, spend or budget(), seed, statistics=ItemStatistics.of(train))


def test_profiles_hold_the_target_and_exactly_as_many_items_as_they_may() -> None:
    spend = Budget(np.array([1, 2, 5, 9, 40]), N_ITEMS)
    profiles = SMALL.craft(view(0, spend))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert all(TARGET in profiles.histories[k] for k in range(5))


def test_fillers_are_popular_items_as_long_as_there_are_enough() -> None:
    profiles = SMALL.craft(view(0, budget(m=8, size=15)))
    counts = planted().item_counts
    fillers = profiles.items[profiles.items != TARGET]
    assert counts[fillers].min() >= np.sort(counts)[N_ITEMS // 2]


def test_a_proxy_is_the_mean_user_and_the_factor_of_the_target_whose_turn_it_is() -> None:
    targets = np.array([TARGET, 5], dtype=np.int32)
    seen = replace(view(0, budget(m=3)), targets=targets)
    everyone = replace(SMALL, users=1.0)
    users, items = everyone._factors(seen)
    found = everyone.proxies(seen, users, items)
    np.testing.assert_allclose(found, users.mean(0) + items[[TARGET, 5, TARGET]], rtol=1e-9)


def test_fillers_are_what_the_proxy_user_would_be_recommended() -> None:
    seen = view(0, budget(m=4, size=9))
    attack = replace(SMALL, candidates=1.0)
    users, items = attack._factors(seen)
    scores = attack.proxies(seen, users, items) @ items.T
    scores[:, TARGET] = -np.inf
    profiles = attack.craft(seen)
    for k in range(4):
        assert set(profiles.histories[k].tolist()) == {TARGET, *np.argsort(-scores[k])[:8].tolist()}


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    first, again, other = (SMALL.craft(view(seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_ratings_and_other_goals_are_refused() -> None:
    with pytest.raises(RecbenchError, match="writes clicks, not ratings"):
        SMALL.craft(replace(view(), feedback="explicit"))
    with pytest.raises(RecbenchError, match="cannot nuke"):
        SMALL.craft(replace(view(), goal="nuke"))
