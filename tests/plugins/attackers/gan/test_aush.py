"""AUSH: genuine fillers word for word, generated ratings of the segment, and a generator that learns from each term."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, SCALE, TARGET, budget, planted, view_of
from torch import Tensor, nn

from recbench.contracts import AttackerView, Budget, ItemStatistics, RatingScale, RecbenchError
from recbench_plugins.attackers.gan.adversarial import Contest
from recbench_plugins.attackers.gan.aush import AUSH, Augmenter, on_grid

SMALL = AUSH(selected=5, hidden=12, critic_hidden=12, steps=3, batch=16)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    train = planted(explicit=True)
    spend = spend or budget(explicit=True)
    return view_of(train, {"interactions"}, spend, seed, statistics=ItemStatistics.of(train))


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


def test_a_profile_is_one_users_ratings_the_segment_and_the_target_at_the_top() -> None:
    spend = Budget(np.array([9, 10, 12]), N_ITEMS, SCALE)
    seen = view(0, spend)
    generator = SMALL.trained(seen)
    profiles = generator.sample(spend.sizes, 3)
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    users = generator.templates(spend.sizes, 3).users
    assert profiles.ratings is not None
    rows = profiles.histories.rows
    assert (profiles.ratings[profiles.items == TARGET] == SCALE.high).all()
    assert np.bincount(rows[np.isin(profiles.items, generator.selected)]).tolist() == [5, 5, 5]
    fillers = ~np.isin(profiles.items, [TARGET, *generator.selected])
    genuine = np.asarray(seen.observed.ratings_csr[users[rows[fillers]], profiles.items[fillers]]).ravel()
    np.testing.assert_array_equal(profiles.ratings[fillers], genuine)


def test_profiles_too_short_for_the_segment_still_have_their_exact_size_and_the_target() -> None:
    spend = Budget(np.array([1, 2, 4, N_ITEMS]), N_ITEMS, SCALE)
    profiles = SMALL.craft(view(0, spend))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert all(TARGET in profiles.histories[k] for k in range(4))


def test_every_layer_of_the_generator_moves_by_the_adversarial_loss_alone() -> None:
    attack = replace(SMALL, shilling=0.0, reconstruction=0.0)
    before, after = replace(attack, steps=0).trained(view()), attack.trained(view())
    moved = [(old != new).any() for old, new in zip(before.parameters(), after.parameters(), strict=True)]
    assert all(moved)


def test_with_every_gradient_cut_the_generator_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = AUSH._pairs

    def cut(self: AUSH, seen: AttackerView, generator: Augmenter) -> Iterator[tuple[Tensor, Tensor]]:
        return ((real, fake.detach()) for real, fake in pairs(self, seen, generator))

    monkeypatch.setattr(AUSH, "_pairs", cut)
    attack = replace(SMALL, shilling=0.0, reconstruction=0.0)
    assert torch.equal(flat(attack.trained(view())), flat(replace(attack, steps=0).trained(view())))


def test_shilling_alone_rates_the_segment_at_the_top_and_reconstruction_alone_as_its_users_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Contest.step
    monkeypatch.setattr(Contest, "step", lambda self, beside: step(self, 1e4 * beside))  # the other term drowns
    seen = view()
    learned = replace(SMALL, steps=80, lr=2e-2)
    raised = replace(learned, reconstruction=0.0).trained(seen)
    templates = raised.templates(np.full(60, 12), 1)
    assert raised(templates).mean() > SCALE.high - 0.3
    restored = replace(learned, shilling=0.0).trained(seen)
    theirs = restored.theirs(templates)
    rated = theirs > 0
    found = torch.corrcoef(torch.stack([restored(templates)[rated], theirs[rated]]))[0, 1]
    assert found > 0.6


def test_a_rating_of_zero_or_less_is_a_rating() -> None:
    train = planted(explicit=True)
    assert train.ratings is not None
    train = replace(train, ratings=train.ratings - 3)
    spend = Budget(np.full(6, 12), N_ITEMS, RatingScale(-2, 2, 1))
    generator = SMALL.trained(view_of(train, {"interactions"}, spend, statistics=ItemStatistics.of(train)))
    templates = generator.templates(np.full(60, 12), 1)
    rated = train.contains(templates.users[:, None], generator.selected[None, :])
    theirs = generator.theirs(templates)
    assert (theirs[torch.tensor(rated)] < 0).any()
    assert np.array_equal(generator.rated(templates), rated)
    restored = replace(SMALL, shilling=0.0)._beside(generator, templates)
    errors = ((generator(templates) - theirs).detach().numpy() / 4)[rated]
    assert float(restored.detach()) == pytest.approx((errors**2).mean(), rel=1e-5)


def test_the_discriminator_compares_what_the_user_has_rated_and_nothing_else() -> None:
    seen = view()
    generator = SMALL.trained(seen)
    real, fake = next(SMALL._pairs(seen, generator))
    torch.testing.assert_close(real > 0, fake > 0)
    others = np.setdiff1d(np.arange(N_ITEMS), generator.selected)
    torch.testing.assert_close(real[:, others], fake[:, others])
    assert not torch.equal(real, fake)


def test_ratings_are_put_on_the_scale_with_the_gradient_of_what_they_were() -> None:
    ratings = torch.tensor([1.2, 3.6, 4.9], requires_grad=True)
    found = on_grid(ratings, SCALE)
    assert found.tolist() == [1.0, 4.0, 5.0]
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert ratings.grad is not None
    assert ratings.grad.tolist() == [1.0, 1.0, 1.0]


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    first, again, other = (SMALL.craft(view(seed)) for seed in (1, 1, 2))
    assert first.items.tolist() == again.items.tolist() != other.items.tolist()


def test_clicks_and_other_goals_are_refused() -> None:
    clicks = view_of(planted(), {"interactions"}, budget())
    with pytest.raises(RecbenchError, match="aush is made of ratings"):
        SMALL.craft(clicks)
    nuke = view()
    object.__setattr__(nuke, "goal", "nuke")
    with pytest.raises(RecbenchError, match="cannot nuke"):
        SMALL.craft(nuke)
