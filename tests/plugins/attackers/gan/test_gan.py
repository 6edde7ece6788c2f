"""The GAN attacker: both players learn, the generator from both of its terms, and the profiles keep to the budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of
from torch.nn.functional import layer_norm

from recbench.contracts import Adam, AttackerView, Budget, Goal, Profiles, RecbenchError, RelaxedProfiles
from recbench_plugins.attackers.gan.adversarial import Contest
from recbench_plugins.attackers.gan.gan import GAN, UntrainedGAN, matched_pairs
from recbench_plugins.attackers.gan.losses import LOSSES, LossName, gradient_penalty
from recbench_plugins.attackers.gan.networks import BLOCK, SPREAD, ProfileDiscriminator, ProfileGenerator
from recbench_plugins.attackers.gan.surrogate_loss import SurrogateLoss
from recbench_plugins.attackers.objectives import Aim
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

SMALL = GAN(
    noise=8,
    hidden=16,
    imitation_steps=8,
    steps=8,
    critic_steps=5,
    batch=16,
    dim=8,
    epochs=15,
    start_epochs=10,
    starts=2,
)


def surrogate(name: str, **params: Any) -> WMFSGD:
    assert name == "wmf-sgd"
    return WMFSGD(**params, l2=5.0)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    return view_of(planted(), {"interactions", "surrogate"}, spend or budget(), seed, surrogate=surrogate)


@pytest.mark.parametrize("loss", LOSSES)
def test_profiles_hold_the_targets_and_exactly_as_many_items_as_they_may(loss: LossName) -> None:
    spend = Budget(np.array([1, 2, 5, 9, 40]), N_ITEMS)
    profiles = GAN(loss=loss, noise=8, hidden=16, imitation_steps=2, steps=2, dim=8, epochs=5).craft(view(0, spend))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert all(TARGET in profiles.histories[k] for k in range(len(profiles)))


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    first, again, other = (SMALL.craft(view(seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("loss", LOSSES)
def test_every_layer_of_the_generator_moves_by_its_adversarial_loss_alone(loss: LossName) -> None:
    generator, before = _contested(loss, None)
    assert all((parameter != old).any() for parameter, old in zip(generator.parameters(), before, strict=True))


def test_every_layer_of_the_generator_moves_by_the_surrogates_loss_alone() -> None:
    seen = view()
    start = {name: value.clone() for name, value in ProfileGenerator(seen, 8, 16).state_dict().items()}
    # Weight so large that the adversarial term cannot be what moved it the other way.
    generator = GAN(noise=8, hidden=16, imitation_steps=0, steps=4, weight=1e6, dim=8, epochs=5).trained(seen)
    imitating, _ = _contested("wasserstein", 4)
    moved = {name: value - start[name] for name, value in generator.state_dict().items()}
    otherwise = {name: value - start[name] for name, value in imitating.state_dict().items()}
    assert all(change.abs().max() > 0 for change in moved.values())
    assert any((moved[name] * otherwise[name] < 0).any() for name in moved)


def _contested(loss: LossName, steps: int | None) -> tuple[ProfileGenerator, list[torch.Tensor]]:
    seen = view()
    generator, discriminator = ProfileGenerator(seen, 8, 16), ProfileDiscriminator(seen, 16)
    before = [parameter.detach().clone() for parameter in generator.parameters()]
    pairs = matched_pairs(seen, generator, 16)
    contest = Contest(generator, discriminator, LOSSES[loss], pairs, Adam(1e-3, beta1=0.5), 2, 0)
    judge = [parameter.detach().clone() for parameter in discriminator.parameters()]
    for _ in range(steps or 3):
        contest.step()
    assert all((now != old).any() for now, old in zip(list(discriminator.parameters())[:-1], judge, strict=False))
    return generator, before


def test_imitation_makes_profiles_that_keep_to_one_block_of_tastes() -> None:
    """Genuine users take seven of eight items from one block; an untrained generator about a third."""

    def purity(attacker: GAN | UntrainedGAN) -> float:
        profiles = attacker.craft(view(0, Budget(np.full(40, 9), N_ITEMS)))
        blocks = [
            np.bincount(items[items != TARGET] // 10, minlength=4)
            for items in map(profiles.histories.__getitem__, range(40))
        ]
        return float(np.mean([counts.max() / counts.sum() for counts in blocks]))

    learned = GAN(noise=8, hidden=32, imitation_steps=150, weight=0.0, batch=32, lr=3e-3)
    assert purity(learned) > purity(UntrainedGAN(noise=8, hidden=32)) + 0.1


def test_the_attack_lowers_the_surrogates_loss_on_seeds_that_no_gradient_came_from() -> None:
    attacker, untrained = replace(SMALL, steps=24, lr=3e-3), UntrainedGAN(noise=8, hidden=16)
    gains = []
    for seed in range(4):
        seen = view(seed, budget(m=12))
        attack = SurrogateLoss.of(seen, Aim.of(seen, "log-rank"), "wmf-sgd", 8, 40, 10, 5, 0.05, 1)
        learned, fresh = (
            attack.judge([RelaxedProfiles.of(each.craft(seen), N_ITEMS)] * 5) for each in (attacker, untrained)
        )
        gains.append(fresh - learned)
    assert min(gains) > 0
    assert np.mean(gains) > 0.05


def test_the_discriminator_sees_neither_the_targets_nor_how_many_items_a_row_has() -> None:
    discriminator = ProfileDiscriminator(view(), 16)
    rows = torch.zeros(3, N_ITEMS)
    rows[:, 4] = 1
    rows[1, TARGET] = 1
    rows[2] *= 5
    scores = discriminator(rows)
    torch.testing.assert_close(scores[1], scores[0])
    real, fake = next(matched_pairs(view(), ProfileGenerator(view(), 8, 16), 16))
    real[:, TARGET] = fake[:, TARGET] = 0
    assert real.sum(1).tolist() == fake.sum(1).tolist()


def test_the_gradient_penalty_of_a_linear_critic_is_its_slopes_distance_from_one() -> None:
    slope = torch.tensor([3.0, 4.0])
    found = gradient_penalty(lambda rows: rows @ slope, torch.rand(5, 2), torch.rand(5, 2), torch.Generator())
    assert float(found) == pytest.approx((5 - 1) ** 2)


def test_more_profiles_than_the_budget_are_sampled_without_training_again_and_differ() -> None:
    generator = SMALL.trained(view())
    profiles: Profiles = generator.sample(np.full(200, 8), 3)
    assert len(profiles) == 200
    assert len({tuple(sorted(profiles.histories[k].tolist())) for k in range(200)}) > 150


@pytest.mark.parametrize("goal", ["push", "nuke"])
def test_sampled_profiles_are_those_that_carry_the_gradient(goal: Goal) -> None:
    seen = view()
    object.__setattr__(seen, "goal", goal)
    # More than one block of profiles, and one that is too short for the target and a filler.
    sizes = np.append(np.random.default_rng(0).integers(2, 20, BLOCK + 50), 1)
    generator = ProfileGenerator(seen, 8, 16)
    relaxed, profiles = generator(sizes, 3), generator.sample(sizes, 3)
    held = np.zeros((len(sizes), N_ITEMS), np.float32)
    held[profiles.histories.rows, profiles.items] = 1
    assert profiles.histories.lengths.tolist() == sizes.tolist()
    assert np.array_equal(held, relaxed.matrix().detach().numpy())


def test_the_lot_of_a_profile_is_that_of_exponential_variates() -> None:
    generator, sizes = ProfileGenerator(view(), 8, 16), np.full(3000, 2)
    torch.nn.init.zeros_(generator.layers[-1].weight)  # type: ignore[arg-type]
    preferred = torch.nn.init.zeros_(generator.layers[-1].bias)  # type: ignore[arg-type]
    with torch.no_grad():
        preferred[:4] = 1.0
    fillers = generator.sample(sizes, 5).items
    counts = np.bincount(fillers[fillers != TARGET], minlength=N_ITEMS)
    chances = np.exp(SPREAD * layer_norm(preferred.detach(), (N_ITEMS,)).numpy().astype(np.float64))
    chances[TARGET] = 0
    expected = 3000 * chances / chances.sum()
    deviations = np.sqrt(expected * (1 - expected / 3000)) + 1e-9
    assert (np.abs(counts - expected) < 5 * deviations + 1e-6).all()


def test_a_nuke_leaves_the_targets_out_and_ratings_are_refused() -> None:
    seen = view()
    goal: Goal = "nuke"
    object.__setattr__(seen, "goal", goal)
    assert TARGET not in SMALL.craft(seen).items
    object.__setattr__(seen, "feedback", "explicit")
    with pytest.raises(RecbenchError, match="writes clicks, not ratings"):
        SMALL.craft(seen)
