"""Players that convolve along an order of the items in which neighbours are consumed together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import diags
from scipy.sparse.linalg import svds
from torch import Tensor, nn
from torch.nn.functional import pad

from recbench.contracts import numpy_rng
from recbench.data import Interactions
from recbench_plugins.attackers.gan.adversarial import mlp

HALVINGS = 3
"""Layers of stride 2 in either player."""


class ConvolutionalGenerator(nn.Module):
    """From noise [b, noise] to logits [b, n_items]: a dense layer, then transposed convolutions along `order`.

    Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
    networks", ICLR 2016, section 3, in one dimension. An item has a bias of its own, which is what no convolution can
    tell: how popular it is beside its neighbours.

    Args:
        noise: numbers a profile is made from.
        channels: of the first, shortest layer; half as many in each further one.
        order: int64 [n_items], see `spectral_order`.
        rng: draws the parameters.
    """

    def __init__(self, noise: int, channels: int, order: NDArray[np.int64], rng: torch.Generator) -> None:
        super().__init__()
        self.place = torch.tensor(np.argsort(order), device=rng.device)
        widths = _channels(channels)
        self.shape = (widths[0], -(-len(order) // 2**HALVINGS))
        self.dense = mlp((noise, self.shape[0] * self.shape[1]), rng)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((*widths, 1)):
            layers += [nn.LeakyReLU(0.2), _drawn(nn.ConvTranspose1d(inputs, outputs, 4, 2, 1, device=rng.device), rng)]
        self.layers = nn.Sequential(*layers)
        self.bias = nn.Parameter(torch.zeros(len(order), device=rng.device))

    def forward(self, noise: Tensor) -> Tensor:
        line: Tensor = self.layers(self.dense(noise).unflatten(1, self.shape)).squeeze(1)
        return line[:, self.place] + self.bias


class ConvolutionalDiscriminator(nn.Module):
    """From rows [b, n_items] to scores [b, 1]: convolutions along `order`, then a dense layer; see the generator."""

    def __init__(self, channels: int, order: NDArray[np.int64], rng: torch.Generator) -> None:
        super().__init__()
        self.order = torch.tensor(order, device=rng.device)
        self.missing = -len(order) % 2**HALVINGS
        widths = _channels(channels)[::-1]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((1, *widths)):
            layers += [_drawn(nn.Conv1d(inputs, outputs, 4, 2, 1, device=rng.device), rng), nn.LeakyReLU(0.2)]
        length = (len(order) + self.missing) // 2**HALVINGS
        self.layers = nn.Sequential(*layers, nn.Flatten(), mlp((widths[-1] * length, 1), rng))

    def forward(self, rows: Tensor) -> Tensor:
        scores: Tensor = self.layers(pad(rows[:, self.order], (0, self.missing)).unsqueeze(1))
        return scores


def _channels(first: int) -> tuple[int, ...]:
    return tuple(max(1, first // 2**k) for k in range(HALVINGS))


def _drawn(layer: nn.Conv1d | nn.ConvTranspose1d, rng: torch.Generator) -> nn.Module:
    nn.init.kaiming_normal_(layer.weight, 0.2, generator=rng)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def spectral_order(train: Interactions, seed: int) -> NDArray[np.int64]:
    """All items, int64 [n_items], such that items consumed together are near each other; without a user, last.

    By their entries in the second right singular vector of the interactions scaled by users' and items' degrees, the
    relaxed minimum of a cut (Dhillon, "Co-clustering documents and words using bipartite spectral graph partitioning",
    KDD 2001). The ids of items mean nothing: along them a convolution would have nothing to convolve.
    """
    rng = numpy_rng(seed, "order")
    by_user, by_item = (1 / np.sqrt(np.maximum(counts, 1)) for counts in (train.user_counts, train.item_counts))
    scaled = diags(by_user) @ train.csr.astype(np.float64) @ diags(by_item)
    _, values, vectors = svds(scaled, k=2, v0=rng.random(min(scaled.shape)))
    position = vectors[np.argmin(values)] * by_item
    # The sign of a singular vector is arbitrary; so is the direction of the line.
    position *= np.sign(position[np.argmax(np.abs(position))])
    return np.lexsort((rng.random(len(position)), position, train.item_counts == 0)).astype(np.int64)
