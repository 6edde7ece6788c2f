"""The Wasserstein GAN: exact budgets, and imitation that the untrained generator does not come near."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of

from recbench.contracts import AttackerView, Budget, Profiles, RecbenchError
from recbench_plugins.attackers.gan.gan import UntrainedGAN
from recbench_plugins.attackers.gan.wgan_gp import WGANGP

SMALL = WGANGP(noise=8, hidden=32, steps=150, critic_steps=3, batch=32, lr=3e-3)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    return view_of(planted(), {"interactions"}, spend or budget(), seed)


def purity(profiles: Profiles) -> float:
    """The largest share that one block of tastes has of a profile, the mean over profiles."""
    found = []
    for k in range(len(profiles)):
        items = profiles.histories[k]
        counts = np.bincount(items[items != TARGET] // 10, minlength=4)
        found.append(counts.max() / counts.sum())
    return float(np.mean(found))


def test_profiles_hold_the_target_and_exactly_as_many_items_as_they_may() -> None:
    spend = Budget(np.array([1, 2, 5, 9, 40]), N_ITEMS)
    profiles = replace(SMALL, steps=2).craft(view(0, spend))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert all(TARGET in profiles.histories[k] for k in range(5))


def test_training_makes_profiles_that_keep_to_one_block_as_genuine_users_do() -> None:
    spend = Budget(np.full(40, 9), N_ITEMS)
    learned, untrained = (purity(replace(SMALL, steps=steps).craft(view(0, spend))) for steps in (150, 0))
    assert learned > untrained + 0.1


def test_before_its_first_step_it_is_the_untrained_control() -> None:
    start = replace(SMALL, steps=0).craft(view())
    assert start.items.tolist() == UntrainedGAN(SMALL.noise, SMALL.hidden).craft(view()).items.tolist()


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    short = replace(SMALL, steps=3)
    first, again, other = (short.craft(view(seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_ratings_are_refused() -> None:
    with pytest.raises(RecbenchError, match="writes clicks, not ratings"):
        SMALL.craft(replace(view(), feedback="explicit"))
