"""A forest of soft decision trees: differentiable, so that it is trained with whatever its features come from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recbench.contracts import Params, torch_rng


@dataclass(frozen=True)
class NeuralForest:
    """Neural decision forest for two classes (Kontschieder, Fiterau, Criminisi, Rota Bulò, ICCV 2015, eq. 1-3).

    Features pass a hidden layer, of which every tree sees a random half. An inner node ν sends a share σ(w_ν · φ) of an
    example to the left; a leaf is reached by the product of the shares on its way and holds one probability. The forest
    answers with the mean over trees of the leaves' probabilities, weighted by how far they are reached.

    Args:
        features: how many.
        hidden: units of the hidden layer.
        trees, depth: of the forest.
    """

    features: int
    hidden: int
    trees: int
    depth: int

    def init(self, seed: int, device: str) -> Params:
        """Fresh parameters; `seen`, which tree sees which unit, is no parameter but drawn from the same seed."""

        def normal(name: str, *shape: int, scale: float) -> Tensor:
            return scale * torch.randn(*shape, generator=torch_rng(seed, name, device=device), device=device)

        nodes = 2**self.depth - 1
        return {
            "hidden": normal("hidden", self.features, self.hidden, scale=self.features**-0.5),
            "hidden-bias": torch.zeros(1, self.hidden, device=device),
            "routes": normal("routes", self.trees, nodes, self.hidden, scale=self.hidden**-0.5),
            "leaves": normal("leaves", self.trees, nodes + 1, scale=0.5),
        }

    def seen(self, seed: int, device: str) -> Tensor:
        """float [trees, 1, hidden]: 1 where a tree sees a unit, half of them."""
        lots = torch.rand(self.trees, self.hidden, generator=torch_rng(seed, "seen", device=device), device=device)
        return (lots.argsort(1) < (self.hidden + 1) // 2).float()[:, None]

    def probability(self, params: Params, seen: Tensor, features: Tensor) -> Tensor:
        """The probability of the class [b] for `features` [b, features]."""
        units = torch.relu(features @ params["hidden"] + params["hidden-bias"])
        left = torch.sigmoid(torch.einsum("bh,tnh->btn", units, params["routes"] * seen))
        reach = left.new_ones(len(features), self.trees, 1)
        for level in range(self.depth):
            share = left[:, :, 2**level - 1 : 2 ** (level + 1) - 1]
            reach = torch.stack([reach * share, reach * (1 - share)], dim=3).flatten(2)
        return (reach * torch.sigmoid(params["leaves"])).sum(2).mean(1)
