"""A GAN that writes explicit ratings: it learns from its own loss and stays within the budget."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from recbench.contracts import (
    AttackerView,
    FitContext,
    PoisoningAttacker,
    Profiles,
    RelaxedProfiles,
    project,
    straight_through,
    torch_rng,
)

from .models.numpy_svd import PureSVD
from .planted import N_ITEMS, SCALE, TARGET, appended, budget, planted, view_of


def _linear(inputs: int, outputs: int, rng: torch.Generator) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.xavier_uniform_(layer.weight, generator=rng)
    nn.init.zeros_(layer.bias)
    return layer


class Generator(nn.Module):
    """From a genuine user's row and noise to a weight and a rating for every item."""

    def __init__(self, n_items: int, hidden: int, rng: torch.Generator) -> None:
        super().__init__()
        self.body = nn.Sequential(_linear(2 * n_items, hidden, rng), nn.Tanh())
        self.choice = _linear(hidden, n_items, rng)
        self.rating = _linear(hidden, n_items, rng)

    def forward(self, templates: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        state = self.body(torch.cat([templates, noise], 1))
        ratings = SCALE.low + (SCALE.high - SCALE.low) * torch.sigmoid(self.rating(state))
        return torch.sigmoid(self.choice(state) + 2 * (templates > 0)), ratings


@dataclass(frozen=True)
class GAN(PoisoningAttacker):
    """Goodfellow et al., NIPS 2014, on profiles that rate the targets as high as the scale goes."""

    steps: int = 40
    hidden: int = 24
    lr: float = 0.01
    weights: list[Tensor] = field(default_factory=list)
    """For the tests: the generator's flat parameters at the start and after each step."""
    gradients: list[Tensor] = field(default_factory=list)

    def craft(self, view: AttackerView) -> Profiles:
        assert view.budget.scale is not None
        genuine = torch.tensor(view.observed.ratings_csr.toarray())
        rng = torch_rng(view.seed, "gan")
        generator = Generator(view.n_items, self.hidden, rng)
        critic = nn.Sequential(_linear(view.n_items, self.hidden, rng), nn.LeakyReLU(), _linear(self.hidden, 1, rng))
        players = [torch.optim.Adam(player.parameters(), lr=self.lr) for player in (generator, critic)]

        def relaxed() -> RelaxedProfiles:
            drawn = torch.randint(len(genuine), (view.budget.n_profiles,), generator=rng)
            templates = genuine[drawn] / SCALE.high
            weights, ratings = generator(templates, torch.randn(templates.shape, generator=rng))
            # The targets are part of the profile while it is learned, not painted on afterwards.
            ratings = ratings.index_fill(1, torch.tensor(view.targets, dtype=torch.int64), SCALE.high)
            return RelaxedProfiles.dense(weights, ratings)

        self.weights.append(nn.utils.parameters_to_vector(generator.parameters()).detach().clone())
        for _ in range(self.steps):
            hard = straight_through(relaxed(), view.budget, view.seed, always=view.targets)
            assert hard.ratings is not None
            fake = (hard.weights * hard.ratings).reshape(-1, view.n_items) / SCALE.high
            real = genuine[torch.randint(len(genuine), (len(fake),), generator=rng)] / SCALE.high

            players[1].zero_grad()
            (softplus(-critic(real)) + softplus(critic(fake.detach()))).mean().backward()
            players[1].step()

            players[0].zero_grad()
            softplus(-critic(fake)).mean().backward()
            players[0].step()
            self.gradients.append(torch.cat([p.grad.flatten() for p in generator.parameters() if p.grad is not None]))
            self.weights.append(nn.utils.parameters_to_vector(generator.parameters()).detach().clone())
        with torch.no_grad():
            return project(relaxed(), view.budget, view.seed, always=view.targets)


def _crafted() -> tuple[GAN, Profiles]:
    attack = GAN()
    return attack, attack.craft(view_of(planted(explicit=True), {"interactions"}, budget(12, explicit=True), seed=5))


def test_the_generator_gets_gradient_from_its_own_loss_and_all_its_parameters_move() -> None:
    attack, _ = _crafted()
    assert len(attack.gradients[0]) == len(attack.weights[0])
    assert all(gradient.norm() > 1e-4 for gradient in attack.gradients)
    # The rating head in particular: rounding to the scale does not cut its gradient off.
    rating_head = slice(-(24 + 1) * N_ITEMS, None)
    moved = (attack.weights[-1] - attack.weights[0])[rating_head].reshape(-1)
    used = torch.stack(attack.gradients)[:, rating_head].abs().sum(0) > 0
    assert used.float().mean() > 0.9
    assert (moved[used] != 0).all()


def test_the_profiles_are_within_the_budget_and_rate_the_target_highest() -> None:
    _, profiles = _crafted()
    spend = budget(12, explicit=True)
    profiles.check(spend)
    assert profiles.ratings is not None
    assert (profiles.histories.lengths == spend.sizes).all()
    assert (np.bincount(profiles.histories.rows, profiles.items == TARGET) == 1).all()
    assert (profiles.ratings[profiles.items == TARGET] == SCALE.high).all()
    assert set(profiles.ratings.tolist()) <= {1.0, 2.0, 3.0, 4.0, 5.0}


def test_its_profiles_raise_the_predicted_rating_of_the_target() -> None:
    train = planted(explicit=True)
    users, target = np.arange(train.n_users), np.full(train.n_users, TARGET)
    clean, poisoned = (PureSVD().fit(data, FitContext(1)) for data in (train, appended(train, _crafted()[1])))
    assert (poisoned.predict(users, target) - clean.predict(users, target)).mean() > 0.1 * SCALE.step
