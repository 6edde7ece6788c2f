"""Graph convolution whose rows should stay recognizable under noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding, normalize

from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    FittedProblem,
    Params,
    RelaxedProfiles,
    Tables,
    option,
    torch_rng,
)
from recbench.data import Interactions
from recbench_plugins.recommenders.acceleration import in_bfloat16
from recbench_plugins.recommenders.lightgcn import LightGCN, LightGCNProblem
from recbench_plugins.recommenders.triples import Triples


@dataclass(frozen=True)
class SimGCL(Differentiable):
    """SimGCL (Yu, Yin, Xia, Chen, Cui, Nguyen, "Are graph augmentations necessary? Simple graph contrastive learning
    for recommendation", SIGIR 2022). The rows of users and items are LightGCN's without E^0,

        E^k = D^-1/2 A D^-1/2 E^{k-1},   E = mean of E^1 .. E^layers,   score of i for u = e_u · e_i,

    and the loss is its BPR plus `contrast` times InfoNCE between two views of the batch's users, and of its positive
    items. In a view noise moves each row after each layer by `noise`, within its own orthant:

        e <- e + sign(e) * noise * r / |r|,   r from U(0, 1)^dim,
        loss of i = -log(exp(c_ii) / sum over the batch's j of exp(c_ij)),   c_ij = cos(z'_i, z''_j) / temperature.

    Means are over the distinct users and the distinct positives, as in the authors' code, and so are the means of the
    rows and the noise; its later version in torch takes other norms as regularization, here it is LightGCN's. On an
    explicit track every rating counts as a positive.

    Step size, weight of the contrast and epochs were chosen on a validation part of ml-100k. The smaller the steps, the
    longer are rows short beside the noise, and the contrast stronger than BPR: with .01 nothing is learned there.

    Args:
        dim: dimensions of a row.
        layers: of convolution; 2 in the authors' code.
        contrast: weight of both contrastive losses; .5 in the authors' code, and from .05 to 2 as the data ask.
        noise: how far noise moves a row in each layer; .1 in the authors' code.
        temperature: of the softmax over cosines; .2 in the authors' code.
        lr: Adam's step size; .001 in the authors' code.
        l2: weight of half the squared norms of a triple's rows; .0001 in the authors' code.
        epochs: passes over the interactions, at most.
        batch_size: triples a step; 2,048 in the authors' code. Every step propagates three times through the whole
            graph, and compares all of its users, and all of its positives, with each other.
        every, patience: validate every so many epochs, stop after so many without a new best.
        amp: take the losses in bfloat16; see `acceleration`.
    """

    dim: PositiveInt = 64
    layers: PositiveInt = 2
    contrast: NonNegativeFloat = 0.1
    noise: NonNegativeFloat = 0.1
    temperature: PositiveFloat = 0.2
    lr: PositiveFloat = 0.1
    l2: NonNegativeFloat = 0.002
    epochs: PositiveInt = 20
    batch_size: PositiveInt = 8192
    every: PositiveInt = 5
    patience: PositiveInt = 2
    amp: bool = option(False)

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> SimGCLProblem:
        problem = SimGCLProblem(self, train, ctx.device, fakes)
        return in_bfloat16(problem, ctx) if self.amp and fakes is None else problem


class SimGCLProblem(LightGCNProblem):
    """LightGCN's triples, initial rows and penalty; other tables, and the contrast beside BPR.

    A row's sign is constant almost everywhere, so noise is a constant of the parameters: it is propagated beside the
    rows, once a view, and no gradient goes through it but that of relaxed fakes' weights.
    """

    def __init__(self, model: SimGCL, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        shared = ("dim", "layers", "lr", "l2", "epochs", "batch_size", "every", "patience")
        super().__init__(LightGCN(**{name: getattr(model, name) for name in shared}), train, device, fakes)
        self.contrastive = model

    def encode(self, params: Params) -> Tables:
        """The rows, and every layer of them, [layers, n, dim] and [layers, m, dim], which noise follows."""
        layers = [self.graph.propagate(params["users"], params["items"])]
        while len(layers) < self.model.layers:
            layers.append(self.graph.propagate(*layers[-1]))
        users, items = (torch.stack(side) for side in zip(*layers, strict=True))
        tables = {"users": users.mean(0), "items": items.mean(0), "user-layers": users, "item-layers": items}
        return tables if self.weights is None else {**tables, "fakes": self.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        views = [self.drifts(tables, batch.seed, view) for view in (0, 1)]
        of_users, of_items = (
            self.contrast(rows, *(tables[side] + drift for drift in drifts))
            for side, rows, drifts in zip(
                ("users", "items"), (batch.users, batch.positives), zip(*views, strict=True), strict=True
            )
        )
        contrast = batch.weighted(self.contrastive.contrast * (of_users + of_items), tables.get("fakes"))
        return super().losses(tables, batch) + contrast

    def drifts(self, tables: Tables, seed: int, view: int) -> tuple[Tensor, Tensor]:
        """What the noise of a view adds to the rows of users [n, dim] and of items [m, dim]."""
        rng = torch_rng(seed, "noise", view, device=self.device)

        def moved(layer: Tensor, drift: Tensor) -> Tensor:
            length = self.contrastive.noise
            direction = normalize(torch.rand(layer.shape, generator=rng, device=self.device), dim=1)
            return drift + (layer.detach() + drift.detach()).sign() * length * direction

        drift = torch.zeros_like(tables["users"]), torch.zeros_like(tables["items"])
        drifts: list[tuple[Tensor, Tensor]] = []
        for users, items in zip(tables["user-layers"], tables["item-layers"], strict=True):
            carried = self.graph.propagate(*drift) if drifts else drift
            drift = moved(users, carried[0]), moved(items, carried[1])
            drifts.append(drift)
        of_users, of_items = (torch.stack(side).mean(0) for side in zip(*drifts, strict=True))
        return of_users, of_items

    def contrast(self, rows: Tensor, one: Tensor, other: Tensor) -> Tensor:
        """InfoNCE of each example's row [b] between two tables of rows [n, dim], each row weighed by how rarely it is
        among the examples: their mean is that over the distinct rows."""
        distinct, place, counts = torch.unique(rows, return_inverse=True, return_counts=True)
        cosines = normalize(embedding(distinct, one), dim=1) @ normalize(embedding(distinct, other), dim=1).T
        same = torch.arange(len(distinct), device=rows.device)
        each = cross_entropy(cosines / self.contrastive.temperature, same, reduction="none")
        weighed: Tensor = each * len(rows) / (len(distinct) * counts)
        return weighed[place]

    def finish(self, params: Params) -> LayeredScorer:
        with torch.no_grad():
            return LayeredScorer(self, {name: table.detach() for name, table in self.encode(params).items()})


class LayeredScorer(FittedProblem):
    """The fitted model with its layers, which the training loss reads and no score does."""

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The tables of rows that score, by name."""
        return {side: self.tables[side].cpu().numpy() for side in ("users", "items")}
