"""Neural matrix factorization: a product of factors beside a perceptron over them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import embedding, gelu, softplus

from recbench.contracts import (
    Adam,
    Batch,
    Differentiable,
    EarlyStopping,
    FitContext,
    Params,
    RecbenchError,
    RelaxedProfiles,
    Tables,
    option,
    torch_rng,
)
from recbench.data import Interactions
from recbench_plugins.recommenders.acceleration import Accelerable, compiled, in_bfloat16
from recbench_plugins.recommenders.initialization import normal_table
from recbench_plugins.recommenders.triples import Triples, TripleSampler, squares

CELLS = 2**23
"""Numbers of the widest layer that scoring holds at once; more users than that are scored in turn."""


@dataclass(frozen=True)
class NeuMF(Differentiable):
    """NeuMF (He et al., "Neural collaborative filtering", WWW 2017, eqs. 7, 9-12). With two tables of factors a side,

        score = h'[p_u * q_i ; phi_L(... phi_1([P_u ; Q_i]))],   phi(x) = gelu(W'x + b), each half as wide as its input,

    minimizing the binary cross-entropy of its logistic function over every interaction and, drawn anew each epoch,
    some items without one. Departures: the two halves start at random together, not pretrained apart; GELU stands for
    ReLU, so that attacks find a smooth loss; the rows that a step samples are regularized. The first layer is linear in
    either side, so it is applied to the tables, once a step and not once a pair. On an explicit track every rating
    counts as a positive.

    Settings were chosen among thirteen, by hand, on a validation part of ml-100k and so that 120 users are enough to
    learn from. NDCG@10 on that part: .238 after 12 epochs; `wmf-sgd` has .283, `popularity` .159.

    Args:
        dim: of the product, and width of the last layer (the paper's predictive factors).
        layers: of the perceptron; its factors are dim * 2**(layers - 1) wide.
        negatives: items drawn for every interaction; 4 in the paper.
        lr: Adam's step size; .001 in the paper.
        l2: weight of the squared norms of the sampled rows.
        epochs: passes over the interactions, at most.
        batch_size: interactions a step; the paper's 256 are examples, negatives counted.
        every, patience: validate every so many epochs, stop after so many without a new best.
        amp: take the losses in bfloat16; see `acceleration`.
        compile: compile the training step; see `acceleration`.
    """

    dim: PositiveInt = 16
    layers: PositiveInt = 2
    negatives: PositiveInt = 4
    lr: PositiveFloat = 0.003
    l2: NonNegativeFloat = 0.02
    epochs: PositiveInt = 40
    batch_size: PositiveInt = 256
    every: PositiveInt = 5
    patience: PositiveInt = 2
    amp: bool = option(False)
    compile: bool = option(False)

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> NeuMFProblem:
        """The training problem.

        Raises:
            RecbenchError: both options at once, or one that is refused.
        """
        if self.amp and self.compile:
            raise RecbenchError("neumf: amp and compile are two ways to take one step; choose one of them")
        problem = NeuMFProblem(self, train, ctx.device, fakes)
        if fakes is None and (self.amp or self.compile):
            return in_bfloat16(problem, ctx) if self.amp else compiled(problem, ctx)
        return problem


class NeuMFProblem(Accelerable):
    """An example is an interaction, genuine or of the hard support of the fakes, with the negatives drawn for it; the
    fakes' weights multiply its loss. `negatives` of a batch holds those of the first example, then of the second, …"""

    perturbable = frozenset({"users", "items", "user-inputs", "item-inputs"})

    def __init__(self, model: NeuMF, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.fakes = fakes
        self.device = device
        self.n_users = train.n_users + (0 if fakes is None else len(fakes))
        self.n_items = train.n_items
        self.widths = [model.dim * 2**k for k in range(model.layers, -1, -1)]  # of what enters each layer, and the last
        self.optimizer = Adam(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)
        self.triples = TripleSampler(train, fakes, device)

    def init(self, seed: int) -> Params:
        dim, wide = self.model.dim, self.widths[0] // 2

        def normal(name: str, rows: int, columns: int, scale: float) -> Tensor:
            return normal_table(rows, columns, scale, seed, name, self.device)

        def xavier(name: str, rows: int, columns: int) -> Tensor:
            return normal(name, rows, columns, math.sqrt(2 / (rows + columns)))

        params = {
            "users": normal("users", self.n_users, dim, 0.1),
            "items": normal("items", self.n_items, dim, 0.1),
            "deep-users": normal("deep-users", self.n_users, wide, 0.1),
            "deep-items": normal("deep-items", self.n_items, wide, 0.1),
            "first": xavier("first", 2 * wide, wide),
            "first-bias": torch.zeros(1, wide, device=self.device),
            "output": xavier("output", 2 * dim, 1),
        }
        for k in range(1, self.model.layers):
            params[f"layer-{k}"] = xavier(f"layer-{k}", self.widths[k], self.widths[k + 1])
            params[f"layer-{k}-bias"] = torch.zeros(1, self.widths[k + 1], device=self.device)
        return params

    def batches(self, seed: int, epoch: int) -> Iterator[Triples]:
        for triples in self.triples.batches(seed, epoch, self.model.batch_size):
            rng = torch_rng(triples.seed, "negatives", device=self.device)
            askers = triples.users.repeat_interleave(self.model.negatives)
            yield replace(triples, negatives=self.triples.negatives.sample(askers, rng))

    def encode(self, params: Params) -> Tables:
        """Rows whose inner products are the product's part of the score, and each side's part of the first layer."""
        to_product, to_last = params["output"].chunk(2)
        of_users, of_items = params["first"].chunk(2)
        tables = {
            "users": params["users"] * to_product.T,
            "items": params["items"],
            "user-inputs": params["deep-users"] @ of_users,
            "item-inputs": torch.addmm(params["first-bias"], params["deep-items"], of_items),
            "last": to_last,
            **{name: table for name, table in params.items() if name.startswith("layer-")},
        }
        return tables if self.fakes is None else {**tables, "fakes": self.fakes.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        items = torch.cat([batch.positives[:, None], batch.negatives.view(-1, self.model.negatives)], dim=1)
        products = embedding(items, tables["items"]) @ embedding(batch.users, tables["users"])[:, :, None]
        inputs = embedding(batch.users, tables["user-inputs"])[:, None] + embedding(items, tables["item-inputs"])
        logits = products.squeeze(2) + self._deep(tables, inputs)
        return batch.weighted(softplus(-logits[:, 0]) + softplus(logits[:, 1:]).sum(1), tables.get("fakes"))

    def _deep(self, tables: Tables, inputs: Tensor) -> Tensor:
        """The perceptron's part of the score, [...], of what enters its first activation, [..., width]."""
        x = gelu(inputs)
        for k in range(1, self.model.layers):
            x = gelu(x @ tables[f"layer-{k}"] + tables[f"layer-{k}-bias"])
        return (x @ tables["last"]).squeeze(-1)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        users, items = (squares(params[side]) + squares(params[f"deep-{side}"]) for side in ("users", "items"))
        return self.model.l2 * batch.sum_squares(users, items) / len(batch.users)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        at_once = max(1, CELLS // (self.n_items * self.widths[1]))
        inputs = torch.split(tables["user-inputs"][users], at_once)
        deep = [self._deep(tables, each[:, None] + tables["item-inputs"]) for each in inputs]
        return tables["users"][users] @ tables["items"].T + torch.cat(deep)
