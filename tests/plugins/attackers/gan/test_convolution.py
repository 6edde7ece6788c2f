"""The convolutional players: an order in which neighbours belong together, and a GAN that learns along it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from contracts.planted import BLOCK, N_ITEMS, TARGET, budget, planted, view_of

from recbench.contracts import AttackerView, Budget, torch_rng
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.gan.convolution import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    spectral_order,
)
from recbench_plugins.attackers.gan.gan import GAN

SMALL = GAN(network="convolution", noise=8, hidden=16, imitation_steps=4, steps=0, batch=32, lr=5e-3)


def view(spend: Budget | None = None) -> AttackerView:
    return view_of(planted(), {"interactions"}, spend or budget())


def shuffled(train: Interactions) -> tuple[Interactions, np.ndarray]:
    """The same data with other item ids, and the id that each item had before."""
    former = np.random.default_rng(3).permutation(N_ITEMS)
    return Interactions(train.users, np.argsort(former)[train.items].astype(np.int32), train.n_users, N_ITEMS), former


def test_the_order_has_every_item_once_and_items_of_one_taste_side_by_side_whatever_their_ids() -> None:
    train, former = shuffled(planted(n_users=200))
    order = spectral_order(train, 0)
    assert sorted(order.tolist()) == list(range(N_ITEMS))
    block = former[order] // BLOCK
    together = (block[1:] == block[:-1]).mean()
    by_id = (former[1:] // BLOCK == former[:-1] // BLOCK).mean()
    assert together > 0.5 > 0.35 > by_id


def test_an_item_without_a_user_comes_last() -> None:
    train = planted()
    order = spectral_order(train.select(train.items != 12), 0)
    assert order[-1] == 12


def test_what_is_near_in_the_order_is_what_a_unit_reads_and_writes() -> None:
    order = np.random.default_rng(0).permutation(N_ITEMS)
    rng = torch_rng(0)
    critic = ConvolutionalDiscriminator(16, order, rng)
    first = critic.layers[0]
    row = torch.zeros(1, N_ITEMS).index_fill(1, torch.tensor(order[20:22]), 1.0)
    blank, seen = (first(rows[:, critic.order].unsqueeze(1)) for rows in (torch.zeros(1, N_ITEMS), row))
    touched = (seen != blank).any(1).nonzero()[:, 1]
    assert touched.min() >= 9
    assert touched.max() <= 11
    generator = ConvolutionalGenerator(8, 16, order, rng)
    assert generator(torch.zeros(3, 8)).shape == (3, N_ITEMS)
    assert critic(torch.zeros(3, N_ITEMS)).shape == (3, 1)


def test_profiles_hold_the_target_and_exactly_as_many_items_as_they_may() -> None:
    spend = Budget(np.array([1, 2, 5, 40]), N_ITEMS)
    profiles = SMALL.craft(view(spend))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert all(TARGET in profiles.histories[k] for k in range(4))


def test_training_makes_profiles_that_keep_to_one_block_as_genuine_users_do() -> None:
    spend = Budget(np.full(40, 9), N_ITEMS)

    def purity(steps: int) -> float:
        profiles = replace(SMALL, imitation_steps=steps).craft(view(spend))
        counts = np.zeros((40, N_ITEMS // BLOCK))
        others = profiles.items != TARGET
        np.add.at(counts, (profiles.histories.rows[others], profiles.items[others] // BLOCK), 1)
        return float((counts.max(1) / counts.sum(1)).mean())

    assert purity(120) > purity(0) + 0.1
