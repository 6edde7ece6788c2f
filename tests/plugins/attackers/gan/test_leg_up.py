"""Leg-UP: a discretizer whose thresholds learn, a generator that learns from each term, and profiles on the scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, SCALE, TARGET, budget, planted, view_of
from torch import Tensor, nn

from recbench.contracts import AttackerView, Budget, Goal, ItemStatistics, RatingScale, RecbenchError, RelaxedProfiles
from recbench_plugins.attackers.gan.leg_up import LegUP, Rater, grid, step_of
from recbench_plugins.attackers.gan.surrogate_loss import SurrogateLoss
from recbench_plugins.attackers.objectives import Aim
from recbench_plugins.recommenders.biased_mf import BiasedMF

SMALL = LegUP(hidden=12, imitation_steps=4, steps=4, batch=16, epochs=20, start_epochs=10, last_epochs=4, starts=2)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    def surrogate(name: str, **params: Any) -> BiasedMF:
        assert name == "biased-mf"
        return BiasedMF(**params)

    train = planted(explicit=True)
    return view_of(
        train,
        {"interactions", "surrogate"},
        spend or budget(explicit=True),
        seed,
        surrogate=surrogate,
        statistics=ItemStatistics.of(train),
    )


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


def test_profiles_rate_the_items_of_one_user_and_the_target_at_the_top() -> None:
    spend = Budget(np.array([1, 2, 5, 8, N_ITEMS]), N_ITEMS, SCALE)
    profiles = SMALL.craft(view(0, spend))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert profiles.ratings is not None
    assert (profiles.ratings[profiles.items == TARGET] == SCALE.high).tolist() == [True] * 5
    held = [set(profiles.histories[k].tolist()) - {TARGET} for k in range(4)]
    genuine = [set(view().observed.histories[u].tolist()) for u in range(60)]
    assert all(any(items <= theirs for theirs in genuine) for items in held)


def test_no_profile_that_the_surrogate_is_shown_is_longer_than_the_budget() -> None:
    seen = replace(view(), targets=np.array([TARGET, 3, 5], np.int32))
    sizes = np.array([1, 2, 3, 6])
    shown = Rater(seen, 8).profiles(sizes, seed=0)
    held = torch.zeros(4).index_add(0, shown.rows, shown.weights.detach())
    assert held.tolist() == sizes.tolist()
    assert Rater(seen, 8).sample(sizes, seed=0).histories.lengths.tolist() == sizes.tolist()


def test_a_nuke_rates_the_target_at_the_bottom() -> None:
    seen = view()
    goal: Goal = "nuke"
    object.__setattr__(seen, "goal", goal)
    profiles = SMALL.craft(seen)
    assert profiles.ratings is not None
    assert (profiles.ratings[profiles.items == TARGET] == SCALE.low).all()


def test_a_rating_is_the_number_of_thresholds_that_its_value_exceeds() -> None:
    generator = Rater(view(), 12)
    with torch.no_grad():
        generator.first.uniform_(0, 2, generator=torch.Generator().manual_seed(0))
        generator.gaps.uniform_(-0.5, 1.5, generator=torch.Generator().manual_seed(1))
        templates = generator.templates(np.full(20, 8), 0)
        margins, ratings = generator.margins(templates), generator(templates)
    thresholds = -(margins - margins[:, :1])  # relative to the first, ascending
    assert (thresholds.diff(dim=1) > 0).all()
    exceeded = torch.tensor(
        [np.searchsorted(t.numpy(), float(value)) for t, value in zip(thresholds, margins[:, 0], strict=True)]
    )
    torch.testing.assert_close(ratings[templates.held], 1.0 + exceeded)
    assert not ratings[~templates.held].any()


def test_the_step_is_exact_forwards_and_has_the_slope_of_tanh_backwards() -> None:
    values = torch.tensor([-2.0, -0.1, 0.0, 0.3], requires_grad=True)
    found = step_of(values)
    assert found.tolist() == [0, 0, 0, 1]
    (3 * found).sum().backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    torch.testing.assert_close(values.grad, 3 * (1 - torch.tanh(values.detach()) ** 2))


def test_raising_a_threshold_lowers_ratings_and_its_gradient_says_so() -> None:
    generator = Rater(view(), 12)
    templates = generator.templates(np.full(20, 8), 0)
    ratings = generator(templates)
    gradient = torch.autograd.grad(ratings.sum(), generator.first)[0]
    held = templates.held.any(0)
    assert (gradient[held] < 0).all()
    assert not gradient[~held].any()
    with torch.no_grad():
        generator.first += 0.7
    assert (generator(templates) <= ratings).all()
    assert generator(templates).sum() < ratings.sum()


def test_the_surrogates_loss_reaches_every_layer_and_every_threshold() -> None:
    seen = view()
    generator = Rater(seen, 12)
    attack = SurrogateLoss.of(seen, Aim.of(seen, "competitors"), "biased-mf", 6, 20, 10, 4, 0.03, 2)
    loss = attack(generator.profiles(np.full(20, 8), 0), 0)
    assert all(gradient.norm() > 0 for gradient in torch.autograd.grad(loss, list(generator.parameters())))


def test_with_the_surrogates_gradient_cut_the_attack_learns_what_imitation_alone_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attack = replace(SMALL, judge_every=SMALL.steps)  # the last step's generator is the only one judged
    whole = flat(attack.trained(view()))
    loss = SurrogateLoss.__call__
    monkeypatch.setattr(SurrogateLoss, "__call__", lambda self, profiles, turn: loss(self, profiles, turn).detach())
    cut = flat(attack.trained(view()))
    assert torch.equal(cut, flat(replace(SMALL, weight=0.0).trained(view())))
    assert not torch.equal(whole, cut)


def test_imitation_brings_the_ratings_near_the_templates_own() -> None:
    def error(steps: int) -> float:
        generator = replace(SMALL, imitation_steps=steps, steps=0, lr=1e-2).trained(view())
        templates = generator.templates(np.full(60, 8), 9)
        with torch.no_grad():
            return float((generator(templates) - templates.ratings)[templates.held].abs().mean())

    assert error(80) < error(0) / 2


def test_the_attack_lowers_the_surrogates_loss_on_seeds_that_no_gradient_came_from() -> None:
    attacker = replace(SMALL, imitation_steps=20, steps=16, lr=1e-2)
    gains = []
    for seed in range(2):
        seen = view(seed, budget(m=12, explicit=True))
        attack = SurrogateLoss.of(seen, Aim.of(seen, "log-rank"), "biased-mf", 6, 40, 10, 4, 0.03, 1)
        learned, imitated = (
            attack.judge([RelaxedProfiles.of(each.craft(seen), N_ITEMS)] * 3)
            for each in (attacker, replace(attacker, weight=0.0))
        )
        gains.append(imitated - learned)
    assert np.mean(gains) > 0


def test_the_grid_is_the_scale() -> None:
    assert grid(RatingScale(0.5, 4.0, 0.5), "cpu").tolist() == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]


def test_one_seed_gives_one_attack_and_clicks_are_refused() -> None:
    first, again, other = (SMALL.craft(view(seed)) for seed in (1, 1, 2))
    assert first.items.tolist() == again.items.tolist() != other.items.tolist()
    with pytest.raises(RecbenchError, match="leg-up is made of ratings"):
        SMALL.craft(view_of(planted(), {"interactions", "surrogate"}, budget()))
