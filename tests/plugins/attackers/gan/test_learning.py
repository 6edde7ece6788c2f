"""What the GAN learns from: each term by itself, what happens when it is cut, and what imitation comes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, TARGET, budget, planted, random_profiles, view_of
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from recbench.contracts import Adam, AttackerView, Budget, Profiles
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.gan.adversarial import Contest, mlp
from recbench_plugins.attackers.gan.gan import GAN, UntrainedGAN, matched_pairs
from recbench_plugins.attackers.gan.losses import LOSSES, LossName
from recbench_plugins.attackers.gan.networks import ProfileDiscriminator, ProfileGenerator
from recbench_plugins.attackers.gan.surrogate_loss import SurrogateLoss
from recbench_plugins.attackers.objectives import Aim
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

SMALL = GAN(noise=8, hidden=16, imitation_steps=4, steps=4, batch=16, dim=8, epochs=5, start_epochs=10, starts=2)


def view(train: Interactions | None = None, spend: Budget | None = None) -> AttackerView:
    def surrogate(_: str, **params: Any) -> WMFSGD:
        return WMFSGD(**params, l2=5.0)

    return view_of(train or planted(), {"interactions", "surrogate"}, spend or budget(), surrogate=surrogate)


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


def test_the_surrogates_loss_has_a_gradient_in_every_layer_of_the_generator() -> None:
    seen = view()
    generator = ProfileGenerator(seen, 8, 16)
    attack = SurrogateLoss.of(seen, Aim.of(seen, "log-rank"), "wmf-sgd", 8, 5, 10, 5, 0.02, 2)
    gradients = torch.autograd.grad(attack(generator(seen.budget.sizes, 0), 0), list(generator.parameters()))
    assert all(gradient.norm() > 1e-6 for gradient in gradients)


def test_with_the_surrogates_gradient_cut_the_attack_learns_what_imitation_alone_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attack = replace(SMALL, judge_every=SMALL.steps)  # the last step's generator is the only one judged
    whole = flat(attack.trained(view()))
    loss = SurrogateLoss.__call__
    monkeypatch.setattr(SurrogateLoss, "__call__", lambda self, profiles, turn: loss(self, profiles, turn).detach())
    cut = flat(attack.trained(view()))
    imitation = flat(replace(SMALL, imitation_steps=SMALL.imitation_steps + SMALL.steps, weight=0.0).trained(view()))
    assert torch.equal(cut, imitation)
    assert not torch.isclose(whole, cut, atol=1e-4).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_with_the_fakes_gradient_cut_the_generator_stays_where_it_is(loss: LossName) -> None:
    seen = view()
    generator, discriminator = ProfileGenerator(seen, 8, 16), ProfileDiscriminator(seen, 16)
    start = flat(generator)
    cut = ((real, fake.detach()) for real, fake in matched_pairs(seen, generator, 16))
    contest = Contest(generator, discriminator, LOSSES[loss], cut, Adam(1e-2), 1, 0)
    for _ in range(3):
        contest.step()
    assert torch.equal(flat(generator), start)


def test_the_control_is_the_generator_before_its_first_step() -> None:
    spend = Budget(np.array([3, 8, 12, 20]), N_ITEMS)
    before = replace(SMALL, imitation_steps=0, weight=0.0).craft(view(spend=spend))
    control = UntrainedGAN(SMALL.noise, SMALL.hidden).craft(view(spend=spend))
    assert control.items.tolist() == before.items.tolist()
    # A handful of steps at a small rate need not change a single item: this one is given room to learn.
    trained = replace(SMALL, imitation_steps=60, lr=1e-2).craft(view(spend=spend))
    assert control.items.tolist() != trained.items.tolist()


def test_a_fresh_classifier_tells_imitations_from_genuine_rows_less_well_than_random_profiles() -> None:
    train = planted(n_users=400)
    genuine = train.csr.toarray().astype(np.float64)
    genuine[:, TARGET] = 0
    spend = Budget(genuine.sum(1).astype(np.int64) + 1, N_ITEMS)
    # Pairs of items within a block: without them a linear classifier would see little but popularity.
    block = np.kron(np.eye(N_ITEMS // 10), np.ones((10, 1)))

    def auc(profiles: Profiles) -> float:
        fake = np.zeros_like(genuine)
        fake[profiles.histories.rows, profiles.items] = 1
        fake[:, TARGET] = 0
        rows = np.vstack([genuine, fake])
        features = np.hstack([rows, (rows @ block) ** 2])
        labels = np.repeat([0, 1], len(genuine))
        learned = np.tile(np.arange(len(genuine)) < len(genuine) // 2, 2)
        classifier = LogisticRegression(max_iter=2000).fit(features[learned], labels[learned])
        return float(roc_auc_score(labels[~learned], classifier.decision_function(features[~learned])))

    seen = view(train, spend)
    attack = replace(SMALL, hidden=32, imitation_steps=120, critic_steps=3, batch=32, lr=5e-3, weight=0.0)
    generator = attack.trained(seen)
    imitation = auc(generator.sample(spend.sizes, 1))
    assert imitation < 0.9
    assert imitation < auc(random_profiles(spend, 1)) - 0.05


@pytest.mark.parametrize("loss", LOSSES)
def test_the_discriminator_wants_genuine_rows_above_fakes_and_the_generator_wants_its_fakes_up(loss: LossName) -> None:
    high, low = torch.ones(4), torch.zeros(4)
    assert LOSSES[loss].discriminator(high, low) < LOSSES[loss].discriminator(low, high)
    assert LOSSES[loss].generator(high) < LOSSES[loss].generator(low)


def test_the_losses_have_the_values_of_their_papers() -> None:
    real, fake = torch.tensor([0.3, -0.2]), torch.tensor([0.1, 0.7])
    d_real, d_fake = torch.sigmoid(real), torch.sigmoid(fake)
    expected = {
        "cross-entropy": (-d_real.log().mean() - (1 - d_fake).log().mean(), -d_fake.log().mean()),
        "least-squares": (((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2, ((fake - 1) ** 2).mean() / 2),
        "wasserstein": (fake.mean() - real.mean(), -fake.mean()),
    }
    for name, loss in LOSSES.items():
        torch.testing.assert_close((loss.discriminator(real, fake), loss.generator(fake)), expected[name])


class _Shifted(nn.Module):
    """Fixed points, moved along the line by the only parameter."""

    def __init__(self, points: Tensor) -> None:
        super().__init__()
        self.points = points
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self) -> Tensor:
        return self.points + self.shift


def test_the_wasserstein_critic_measures_the_distance_of_two_laws_and_the_generator_shortens_it() -> None:
    rng = torch.Generator().manual_seed(0)
    # Near each other: the penalty lets the slope exceed 1 by distance / 20.
    real = torch.randn(256, 1, generator=rng) + 0.6
    generator = _Shifted(torch.randn(256, 1, generator=rng))
    fake = generator().detach()
    distance = (real.sort(0).values - fake.sort(0).values).abs().mean()
    critic = mlp((1, 32, 32, 1), rng)
    pairs = ((real, generator()) for _ in iter(int, 1))
    Contest(generator, critic, LOSSES["wasserstein"], pairs, Adam(3e-3, beta1=0.5), critic_steps=1200, seed=0).step()
    with torch.no_grad():
        assert critic(real).mean() - critic(fake).mean() == pytest.approx(float(distance), rel=0.1)
    assert generator.shift.item() > 0
