"""A collaborative filtering GAN: from the users who clicked an item, a generator of those who are missing."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recbench.contracts import Adam, numpy_rng, torch_rng
from recbench.data import Interactions
from recbench_plugins.attackers.gan.adversarial import Contest
from recbench_plugins.attackers.gan.losses import LOSSES

BLOCK = 1024
"""Items whose columns are dense at a time."""


@dataclass(frozen=True)
class CFGAN:
    """CFGAN-ZP (Chae, Kang, Kim, Lee, "CFGAN: a generic collaborative filtering framework based on generative
    adversarial networks", CIKM 2018, eqs. 3, 4 and 7), by items.

    A generator G is given the column c of an item, 1 for every user who clicked it, as its condition. What it makes of
    it, masked to c and to some users drawn by lot, k, who did not, should look to a discriminator D like c itself:

        J_D = BCE(D(c, c), 1) + BCE(D(c, G(c) * (c + k)), 0),   J_G = BCE(D(c, G(c) * (c + k)), 1) + alpha sum G(c)_u^2

    the sum over users drawn by lot who did not click (zero reconstruction). Departures: BCE against 1 stands for the
    paper's log(1 - D), which saturates; each player takes one step in turn.

    The model is "very sensitive" to when training ends: a tenth of every user's items is hidden from it, and the
    generator is kept that finds them best.

    Args:
        hidden: units of the one hidden layer of either player.
        share: of the users without the item who are masked in, and of those who are drawn to 0.
        alpha: weight of zero reconstruction.
        lr: Adam's step size.
        batch: items a step.
        steps: of the generator.
        judge_every: steps.
        patience: training ends where so many judgements in a row have found no better generator.
    """

    hidden: int
    share: float
    alpha: float
    lr: float
    batch: int
    steps: int
    judge_every: int
    patience: int

    def fit(self, train: Interactions, seed: int, device: str) -> Generator:
        """The generator that finds most of what is hidden."""
        hidden = hidden_tenth(train, seed)
        given, wanted = train.select(~hidden), train.select(hidden)
        generator = Generator(train.n_users, self.hidden, seed, device)
        layers = _layers((2 * train.n_users, self.hidden, 1), torch_rng(seed, "discriminator", device=device))
        columns, clicked = given.csr.T.tocsr(), np.flatnonzero(given.item_counts)
        rng, lots = torch_rng(seed, "masks", device=device), numpy_rng(seed, "items")

        def conditions() -> Tensor:
            return torch.tensor(columns[lots.choice(clicked, self.batch)].toarray(), device=device)

        def others(column: Tensor) -> Tensor:
            return (torch.rand(column.shape, generator=rng, device=device) < self.share) & (column == 0)

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:
            while True:
                column = conditions()
                made = generator(column) * (column + others(column))
                yield torch.cat([column, column], dim=1), torch.cat([column, made], dim=1)

        discriminator = nn.Sequential(layers, nn.Flatten(0))
        contest = Contest(generator, discriminator, LOSSES["cross-entropy"], pairs(), Adam(self.lr), 1, seed)
        best, found, found_at = generator, -1, 0
        for step in range(1, self.steps + 1):
            column = conditions()
            contest.step(self.alpha * (generator(column) * others(column)).square().sum(1).mean())
            if step % self.judge_every == 0 or step == self.steps:
                users, items = generator.missing(given, wanted.user_counts)
                hits = int(wanted.contains(users, items).sum())
                if hits > found:
                    best, found, found_at = deepcopy(generator), hits, step
                elif step - found_at >= self.patience * self.judge_every:
                    break
        return best


class Generator(nn.Module):
    """From columns of items [b, n_users] to who should have them; one hidden layer of sigmoids and a linear output."""

    def __init__(self, n_users: int, hidden: int, seed: int, device: str) -> None:
        super().__init__()
        self.device = device
        self.layers = _layers((n_users, hidden, n_users), torch_rng(seed, "generator", device=device))

    def forward(self, columns: Tensor) -> Tensor:
        made: Tensor = self.layers(columns)
        return made

    @torch.no_grad()
    def missing(self, train: Interactions, counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What users do not have and most likely should: users and items, both [k], `counts[u]` of user u, best first.

        Items that nobody has are left out: their condition says nothing.
        """
        columns, width = train.csr.T.tocsr(), int(counts.max(initial=0))
        best = torch.full((train.n_users, width), -torch.inf, device=self.device)
        items = torch.zeros(best.shape, dtype=torch.int64, device=self.device)
        for start in range(0, train.n_items, BLOCK):
            block = torch.tensor(columns[start : start + BLOCK].toarray(), device=self.device)
            scores = self(block).masked_fill((block > 0) | (block.sum(1, keepdim=True) == 0), -torch.inf)
            numbers = torch.arange(start, start + len(block), device=self.device).expand(train.n_users, -1)
            best, place = torch.cat([best, scores.T], dim=1).topk(width, dim=1)
            items = torch.cat([items, numbers], dim=1).gather(1, place)
        held = (np.arange(width) < counts[:, None]) & best.isfinite().cpu().numpy()
        return np.nonzero(held)[0], items.cpu().numpy()[held]


def hidden_tenth(train: Interactions, seed: int) -> NDArray[np.bool_]:
    """Bool [n]: a tenth of every user's interactions, rounded down, by lot."""
    order = np.lexsort((numpy_rng(seed, "hidden").random(len(train)), train.users))
    place = np.empty(len(train), dtype=np.int64)
    place[order] = np.arange(len(train)) - train.indptr[train.users]
    return place < train.user_counts[train.users] // 10


def _layers(widths: tuple[int, ...], rng: torch.Generator) -> nn.Sequential:
    """Linear layers with sigmoids between them (Glorot, Bengio, AISTATS 2010: normal weights; zero biases)."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        linear = nn.utils.skip_init(nn.Linear, inputs, outputs, device=rng.device)  # type: ignore[no-untyped-call]
        nn.init.xavier_normal_(linear.weight, generator=rng)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])
