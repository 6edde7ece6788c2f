"""The adversarial loop: a generator and a discriminator, trained against each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from recbench.contracts import Adam, torch_rng
from recbench_plugins.attackers.gan.losses import AdversarialLoss, gradient_penalty


class Contest:
    """Two players and the state of their optimizers.

    Args:
        generator: writes the fake rows of `pairs`.
        discriminator: from rows [b, n_items] to scores [b], without a squashing function.
        loss: the players' objectives.
        pairs: real and fake rows [b, n_items] without end, compared like with like: fake rows carry the
            gradient of the generator as it is when they are asked for.
        optimizer: of each player.
        critic_steps: steps of the discriminator before each of the generator.
        seed: of the gradient penalty.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        loss: AdversarialLoss,
        pairs: Iterator[tuple[Tensor, Tensor]],
        optimizer: Adam,
        critic_steps: int,
        seed: int,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss
        self.pairs = pairs
        self.critic_steps = critic_steps
        # Of each backward pass the player that steps needs the gradient, not the other one, nor the rows.
        self.own, self.theirs = list(generator.parameters()), list(discriminator.parameters())
        self.of_generator = optimizer.torch(self.own)
        self.of_discriminator = optimizer.torch(self.theirs)
        self.rng = torch_rng(seed, "between", device=str(self.theirs[0].device))

    def step(self, beside: Tensor | None = None) -> None:
        """One step of the generator, against a discriminator that has just been trained on.

        Args:
            beside: a scalar that the generator minimizes beside its adversarial loss, with its gradient.
        """
        for _ in range(self.critic_steps):
            real, fake = next(self.pairs)
            self._criticize(real, fake.detach())
        # Nothing is detached here: this gradient is all that the generator learns to imitate from.
        wanted = self.loss.generator(self.discriminator(fake))
        self.of_generator.zero_grad()
        (wanted if beside is None else wanted + beside).backward(inputs=self.own)  # type: ignore[no-untyped-call]
        self.of_generator.step()

    def _criticize(self, real: Tensor, fake: Tensor) -> None:
        loss = self.loss.discriminator(*self.discriminator(torch.cat([real, fake])).split(len(real)))
        if self.loss.gradient_penalty:
            loss = loss + self.loss.gradient_penalty * gradient_penalty(self.discriminator, real, fake, self.rng)
        self.of_discriminator.zero_grad()
        loss.backward(inputs=self.theirs)  # type: ignore[no-untyped-call]
        self.of_discriminator.step()


def mlp(widths: tuple[int, ...], rng: torch.Generator) -> nn.Sequential:
    """Linear layers of the given widths with leaky rectifiers between them.

    He et al., "Delving deep into rectifiers", ICCV 2015: weights keep the variance of what passes through
    them; biases are zero.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        linear = nn.utils.skip_init(nn.Linear, inputs, outputs, device=rng.device)  # type: ignore[no-untyped-call]
        nn.init.kaiming_normal_(linear.weight, 0.2, generator=rng)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])
