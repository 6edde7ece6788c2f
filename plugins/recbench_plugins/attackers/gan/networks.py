"""The two players of an attack on implicit feedback: from noise to profiles, and from profiles to a verdict."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from recbench.contracts import (
    AttackerView,
    Budget,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    derive_seed,
    project,
    straight_through,
    torch_rng,
)
from recbench_plugins.attackers.gan.adversarial import mlp
from recbench_plugins.attackers.gan.convolution import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    spectral_order,
)

Network = Literal["perceptron", "convolution"]

SPREAD = 2.0
"""Deviation of a profile's logits. The straight-through gradient alone lets them grow without bound, until
the lot has no say and the profile is a function of the noise."""
BLOCK = 256
"""Profiles sampled at a time: their weights stay in the cache."""


class ProfileGenerator(nn.Module):
    """Fake profiles of any number and size: the targets, and items drawn without replacement.

    From normal noise, hidden layers make logits over the catalogue. A profile holds the items of the largest
    logits after Gumbel noise, which is a draw without replacement from their softmax (Kool, van Hoof,
    Welling, "Stochastic beams and where to find them", ICML 2019, section 2).

    Args:
        view: names targets, goal and catalogue; its seed draws the parameters.
        noise: how many numbers a profile is made from.
        hidden: units of each of two hidden layers, or channels of the first convolution.
        network: fully connected layers, or see `ConvolutionalGenerator`.

    Raises:
        RecbenchError: the track is explicit, or the goal is neither push nor nuke.
    """

    def __init__(self, view: AttackerView, noise: int, hidden: int, network: Network = "perceptron") -> None:
        super().__init__()
        if view.feedback == "explicit":
            raise RecbenchError("this generator writes clicks, not ratings; run it on the implicit track")
        if view.goal == "degrade":
            raise RecbenchError("this generator moves targets: its goals are push and nuke, not degrade")
        self.noise = noise
        self.n_items = view.n_items
        self.device = view.device
        nothing = view.targets[:0]
        self.always, self.never = (nothing, view.targets) if view.goal == "nuke" else (view.targets, nothing)
        rng = torch_rng(view.seed, "generator", device=view.device)
        self.layers: nn.Module
        if network == "convolution":
            self.layers = ConvolutionalGenerator(noise, hidden, spectral_order(view.observed, view.seed), rng)
        else:
            self.layers = mlp((noise, hidden, hidden, view.n_items), rng)

    def forward(self, sizes: NDArray[np.int64], seed: int) -> RelaxedProfiles:
        """Profiles of exactly `sizes` [m] interactions, targets counted, that carry the generator's gradient."""
        noise, rng = self._noise(len(sizes), seed)
        relaxed = RelaxedProfiles.dense(self._weights(noise, rng))
        return straight_through(
            relaxed, Budget(sizes, self.n_items), derive_seed(seed, "ties"), self.always, self.never
        )

    def sample(self, sizes: NDArray[np.int64], seed: int) -> Profiles:
        """Profiles of the same noise, discrete; a few at a time, of which no more than the heaviest entries are kept.
        They are the same but where there is no room for all targets: which of them are in is drawn by another lot."""
        noise, rng = self._noise(len(sizes), seed)
        with torch.no_grad():
            blocks = (self._weights(block, rng) for block in torch.split(noise, BLOCK))
            relaxed = RelaxedProfiles.heaviest(blocks, sizes, self.always, self.never)
        return project(relaxed, Budget(sizes, self.n_items), derive_seed(seed, "ties"), self.always, self.never)

    def _noise(self, count: int, seed: int) -> tuple[Tensor, torch.Generator]:
        rng = torch_rng(seed, "noise", device=self.device)
        return torch.randn(count, self.noise, generator=rng, device=self.device), rng

    def _weights(self, noise: Tensor, rng: torch.Generator) -> Tensor:
        logits = SPREAD * layer_norm(self.layers(noise), (self.n_items,))
        # What `exponential_` draws on a CPU, to the bit, in less time; its logarithm is minus a Gumbel variate.
        uniform = torch.rand(logits.shape, dtype=torch.float64, generator=rng, device=self.device)
        return logits - uniform.neg_().log1p_().neg_().to(logits).clamp_(min=1e-30).log_()


class ProfileDiscriminator(nn.Module):
    """Scores [b] of rows [b, n_items], higher for genuine ones. It sees no target and, by scaling, no size.

    With a target in sight its task would be solved by one column: hardly anyone has a cold target.
    """

    def __init__(self, view: AttackerView, hidden: int, network: Network = "perceptron") -> None:
        super().__init__()
        rng = torch_rng(view.seed, "discriminator", device=view.device)
        self.layers: nn.Module
        if network == "convolution":
            self.layers = ConvolutionalDiscriminator(hidden, spectral_order(view.observed, view.seed), rng)
        else:
            self.layers = mlp((view.n_items, hidden, hidden, 1), rng)
        self.targets = torch.tensor(view.targets, dtype=torch.int64, device=view.device)

    def forward(self, rows: Tensor) -> Tensor:
        rows = rows.index_fill(1, self.targets, 0)
        lengths = rows.detach().sum(1, keepdim=True).clamp(min=1).sqrt()
        scores: Tensor = self.layers(rows / lengths)
        return scores.squeeze(1)
