"""Graph convolution without weights and nonlinearities, trained on pairs of items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import softplus

from recbench.contracts import (
    Adam,
    Batch,
    Differentiable,
    EarlyStopping,
    FitContext,
    Params,
    RelaxedProfiles,
    Tables,
    option,
)
from recbench.data import Interactions
from recbench_plugins.recommenders.acceleration import Accelerable, compiled
from recbench_plugins.recommenders.graph import InteractionGraph
from recbench_plugins.recommenders.initialization import normal_table
from recbench_plugins.recommenders.triples import Triples, TripleSampler, rows, squares

SMALL = 100_000
"""Interactions up to which the default step size and regularization are the same."""


@dataclass(frozen=True)
class LightGCN(Differentiable):
    """LightGCN (He et al., "LightGCN: simplifying and powering graph convolution network for recommendation", SIGIR
    2020, eqs. 3, 4 and 15). With the rows E^0 of users and items and the normalized adjacency of their graph,

        E^{k+1} = D^-1/2 A D^-1/2 E^k,   E = mean of E^0 .. E^layers,   score of i for u = e_u · e_i,

    trained by BPR on E, regularized on the rows of E^0 that a triple samples. On an explicit track every rating
    counts as a positive.

    Step size, regularization and batches were chosen on a validation part of ml-100k: larger steps reach in 50 epochs
    what the paper's take hundreds for. More interactions, and so more steps an epoch, want both smaller: beyond 100,000
    they shrink with the .8th power of their number, to .011 and .00044 on ml-1m; see docs/validation/recommenders.md.

    Args:
        dim: dimensions of a row.
        layers: of convolution; without any it is BPR matrix factorization without an item bias.
        lr: Adam's step size; .001, with 1,000 epochs, in the paper. None is .05, less on large data.
        l2: weight of half the squared norms of a triple's rows; .0001 in the paper. None is .002, less on large data.
        epochs: passes over the interactions, at most.
        batch_size: triples a step; 2,048 in the paper. Every step propagates once through the whole graph.
        every, patience: validate every so many epochs, stop after so many without a new best.
        compile: compile the training step; see `acceleration`.
    """

    dim: PositiveInt = 64
    layers: NonNegativeInt = 3
    lr: PositiveFloat | None = None
    l2: NonNegativeFloat | None = None
    epochs: PositiveInt = 50
    batch_size: PositiveInt = 8192
    every: PositiveInt = 10
    patience: PositiveInt = 2
    compile: bool = option(False)

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> LightGCNProblem:
        problem = LightGCNProblem(self, train, ctx.device, fakes)
        return compiled(problem, ctx) if self.compile and fakes is None else problem


class LightGCNProblem(Accelerable):
    """BPR over genuine interactions and the hard support of the fakes, on the rows of the whole graph.

    Relaxed weights enter twice: in the adjacency and its degrees, and as factors of the losses of their triples.
    """

    perturbable = frozenset({"users", "items"})

    def __init__(self, model: LightGCN, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.device = device
        self.weights = None if fakes is None else fakes.weights
        self.graph = InteractionGraph(train, fakes, device)
        self.triples = TripleSampler(train, fakes, device)
        self.n_users, self.n_items = self.graph.shape
        shrunk = (SMALL / max(len(train), SMALL)) ** 0.8
        self.l2 = 0.002 * shrunk if model.l2 is None else model.l2
        self.optimizer = Adam(lr=0.05 * shrunk if model.lr is None else model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)

    def init(self, seed: int) -> Params:
        def normal(name: str, rows: int) -> Tensor:
            return normal_table(rows, self.model.dim, 0.1, seed, name, self.device)

        return {"users": normal("users", self.n_users), "items": normal("items", self.n_items)}

    def batches(self, seed: int, epoch: int) -> Iterator[Triples]:
        return self.triples.batches(seed, epoch, self.model.batch_size)

    def encode(self, params: Params) -> Tables:
        users, items = params["users"], params["items"]
        layers = [(users, items)]
        for _ in range(self.model.layers):
            layers.append(self.graph.propagate(*layers[-1]))
        mean = [torch.stack(side).mean(0) for side in zip(*layers, strict=True)]
        tables = {"users": mean[0], "items": mean[1]}
        return tables if self.weights is None else {**tables, "fakes": self.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        users = rows(tables["users"], batch.users)
        negatives, positives = rows(tables["items"], torch.cat([batch.negatives, batch.positives])).chunk(2)
        return batch.weighted(softplus((users * (negatives - positives)).sum(1)), tables.get("fakes"))

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        total = batch.sum_squares(squares(params["users"]), squares(params["items"]))
        return self.l2 / 2 * total / len(batch.users)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["users"][users] @ tables["items"].T
