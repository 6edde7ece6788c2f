"""A generative adversarial network that writes fake profiles, and the control that shows what it has learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import (
    Adam,
    AttackerView,
    PoisoningAttacker,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    derive_seed,
    numpy_rng,
)
from recbench_plugins.attackers.gan.adversarial import Contest
from recbench_plugins.attackers.gan.losses import LOSSES, LossName
from recbench_plugins.attackers.gan.networks import Network, ProfileDiscriminator, ProfileGenerator
from recbench_plugins.attackers.gan.surrogate_loss import SurrogateLoss, learn_to_attack
from recbench_plugins.attackers.objectives import Aim, Objective


@dataclass(frozen=True)
class GAN(PoisoningAttacker):
    """Profiles that look genuine to a discriminator and raise the targets on a surrogate. Implicit feedback.

    Goodfellow et al., "Generative adversarial nets", NIPS 2014. The generator first learns to imitate, then
    minimizes its adversarial loss plus `weight` times the attack's loss on a surrogate, whose training is
    differentiated through (Tang, Wen, Wang, RecSys 2020). The generator of the step that attacks surrogates of
    held-out seeds best writes the profiles. The targets are in the profiles all along.

    On ml-100k at 3%, 5 targets, 4 units, the mean gain on `ials` and `bpr-mf` is 1.28 bits of rank; with 60 steps of
    imitation at 2e-3, which cost a fifth more, 1.30, untrained .15, `popular` 1.35: too few units for a claim. One
    step of the discriminator a step is as good there and fails on the planted bilevel task for some seeds. With those
    60 its 28 profiles held 37% of the catalogue and 1,000 more held 95%, all of them distinct
    (`network="convolution", hidden=32`: 62% and 100%, distinct).

    Args:
        loss: `wasserstein` (with gradient penalty; imitates best), `cross-entropy` or `least-squares`.
        network: of both players, fully connected layers or `convolution` along an order of the items, which makes
            this a convolutional GAN.
        noise, hidden: see `ProfileGenerator`; the discriminator's layers are as wide.
        imitation_steps: steps of the generator without the surrogate.
        steps: steps with it.
        critic_steps: steps of the discriminator before each of the generator.
        batch: genuine users, and fakes of the same lengths, a step.
        lr: Adam's step size for both players.
        weight: of the attack's loss; at 0 the generator only imitates.
        objective: the attack's loss, see `Aim`.
        surrogate: a differentiable recommender, by name.
        dim: its size.
        epochs: its training where profiles are judged.
        start_epochs, last_epochs: its training in a step: on genuine users alone, done once for each of
            `starts` seeds, and then with the fakes, differentiated through.
        last_lr: the surrogate's step size there. Adam starts anew, with steps of full length that would undo
            what is known already.
        starts: see `start_epochs`.
        judge_every: judge after so many steps with the surrogate.
        held_out: surrogate seeds to judge by.
    """

    loss: LossName = "wasserstein"
    network: Network = "perceptron"
    noise: PositiveInt = 100
    hidden: PositiveInt = 128
    imitation_steps: NonNegativeInt = 30
    steps: NonNegativeInt = 12
    critic_steps: PositiveInt = 2
    batch: PositiveInt = 64
    lr: PositiveFloat = 3e-3
    weight: NonNegativeFloat = 10.0
    objective: Objective = "log-rank"
    surrogate: str = "wmf-sgd"
    dim: PositiveInt = 32
    epochs: PositiveInt = 50
    start_epochs: PositiveInt = 20
    last_epochs: PositiveInt = 10
    last_lr: PositiveFloat = 0.02
    starts: PositiveInt = 4
    judge_every: PositiveInt = 4
    held_out: PositiveInt = 2

    def craft(self, view: AttackerView) -> Profiles:
        return self.trained(view).sample(view.budget.sizes, derive_seed(view.seed, "profiles"))

    def trained(self, view: AttackerView) -> ProfileGenerator:
        """The generator, from which profiles of any number and size can be sampled."""
        generator = ProfileGenerator(view, self.noise, self.hidden, self.network)
        discriminator = ProfileDiscriminator(view, self.hidden, self.network)
        pairs = matched_pairs(view, generator, self.batch)
        contest = Contest(
            generator, discriminator, LOSSES[self.loss], pairs, Adam(self.lr, beta1=0.5), self.critic_steps, view.seed
        )
        for _ in range(self.imitation_steps):
            contest.step()
        if self.steps and self.weight:
            self._attack(view, generator, contest)
        return generator

    def _attack(self, view: AttackerView, generator: ProfileGenerator, contest: Contest) -> None:
        """Go on with the surrogate's loss; leave the generator as it was when it attacked best."""
        attack = SurrogateLoss.of(
            view,
            Aim.of(view, self.objective),
            self.surrogate,
            self.dim,
            self.epochs,
            self.start_epochs,
            self.last_epochs,
            self.last_lr,
            self.starts,
        )

        def drawn(seed: int) -> RelaxedProfiles:
            profiles: RelaxedProfiles = generator(view.budget.sizes, seed)
            return profiles

        learn_to_attack(contest, attack, drawn, self.steps, self.weight, self.judge_every, self.held_out)


@dataclass(frozen=True)
class UntrainedGAN(PoisoningAttacker):
    """The generator of `GAN` before its first step: what `GAN` gains over it, it has learned.

    Args:
        noise, hidden: see `ProfileGenerator`.
    """

    noise: PositiveInt = 100
    hidden: PositiveInt = 128

    def craft(self, view: AttackerView) -> Profiles:
        generator = ProfileGenerator(view, self.noise, self.hidden)
        return generator.sample(view.budget.sizes, derive_seed(view.seed, "profiles"))


def matched_pairs(view: AttackerView, generator: ProfileGenerator, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows [batch, n_items] of genuine users and of fakes with as many items beside the targets, without end.

    With other sizes the discriminator would only count.

    Raises:
        RecbenchError: nobody has an item beside the targets.
    """
    observed = view.observed
    others = observed.select(~np.isin(observed.items, view.targets))
    users, rows = np.flatnonzero(others.user_counts), others.csr
    if not len(users):
        raise RecbenchError(
            "nobody has an item beside the targets: there is nobody to imitate; take a heuristic attack"
        )
    rng = numpy_rng(view.seed, "genuine")
    for turn in count():
        drawn = rng.choice(users, batch)
        fakes = generator(others.user_counts[drawn] + len(generator.always), derive_seed(view.seed, "imitation", turn))
        yield torch.tensor(rows[drawn].toarray(), dtype=torch.float32, device=view.device), fakes.matrix()
