"""What generator and discriminator want of the discriminator's scores; higher scores mean more genuine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

Discriminator = Callable[[Tensor], Tensor]
"""From rows [b, n_items] to scores [b], without a squashing function."""

LossName = Literal["cross-entropy", "least-squares", "wasserstein"]


@dataclass(frozen=True)
class AdversarialLoss:
    """The two players' objectives, both minimized.

    Args:
        discriminator: of its scores of real rows [b] and of fake ones [b].
        generator: of the discriminator's scores of fake rows [b].
        gradient_penalty: weight of `gradient_penalty` in the discriminator's objective.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    gradient_penalty: float = 0.0


def gradient_penalty(discriminator: Discriminator, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """How far the discriminator's slope is from 1 between real and fake rows [b, n_items], squared; a scalar.

    Gulrajani et al., "Improved training of Wasserstein GANs", NIPS 2017, eq. 3: the slope is taken at
    points drawn uniformly on the lines between pairs of a real and a fake row.
    """
    share = torch.rand(len(real), 1, generator=rng, device=real.device)
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    penalty: Tensor = ((slope.norm(dim=1) - 1) ** 2).mean()
    return penalty


LOSSES: Mapping[LossName, AdversarialLoss] = {
    # Goodfellow et al., "Generative adversarial nets", NIPS 2014, eq. 1 with the generator's loss that does not
    # saturate: -log D(x) is softplus(-score), -log(1 - D(x)) is softplus(score).
    "cross-entropy": AdversarialLoss(
        discriminator=lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
        generator=lambda fake: softplus(-fake).mean(),
    ),
    # Mao et al., "Least squares generative adversarial networks", ICCV 2017, eq. 9: 1 is real, 0 is fake.
    "least-squares": AdversarialLoss(
        discriminator=lambda real, fake: ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2,
        generator=lambda fake: ((fake - 1) ** 2).mean() / 2,
    ),
    # Gulrajani et al., NIPS 2017, eq. 3. The gap is neither squared nor squashed.
    "wasserstein": AdversarialLoss(
        discriminator=lambda real, fake: fake.mean() - real.mean(),
        generator=lambda fake: -fake.mean(),
        gradient_penalty=10.0,
    ),
}
