"""Matrix factorization trained by Bayesian personalized ranking.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit
Feedback", UAI 2009. Details that matter follow Milogradskii et al., "Revisiting BPR", RecSys 2024:
an item bias, interactions drawn uniformly, negatives never among the user's positives, and
regularization of the sampled rows only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import softplus

from recbench.contracts import (
    Adagrad,
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
from recbench_plugins.recommenders.initialization import normal_table
from recbench_plugins.recommenders.triples import Triples, TripleSampler, rows, squares


@dataclass(frozen=True)
class BPRMF(Differentiable):
    """BPR-MF (Rendle et al., UAI 2009, eq. 2: maximize ln sigma(s_ui - s_uj) over positives i and negatives j).

    Args:
        dim: latent dimensions.
        lr: Adagrad's step size.
        l2: weight of the squared norms of a triple's rows and biases.
        epochs: passes over the interactions, at most.
        batch_size: triples a step.
        every, patience: validate every so many epochs, stop after so many without a new best.
        compile: compile the training step; see `acceleration`.
        rowwise: steps that touch only the rows of their batch, in place of whole tables: for large data.
    """

    dim: PositiveInt = 64
    lr: PositiveFloat = 0.1
    l2: NonNegativeFloat = 0.01
    epochs: PositiveInt = 60
    batch_size: PositiveInt = 4096
    every: PositiveInt = 10
    patience: PositiveInt = 2
    compile: bool = option(False)
    rowwise: bool = option(False)

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> BPRProblem:
        problem = BPRProblem(self, train, ctx.device, fakes)
        return compiled(problem, ctx) if self.compile and fakes is None else problem


class BPRProblem(Accelerable):
    """Triples over genuine interactions and the hard support of the fakes, whose losses the fakes' weights multiply."""

    perturbable = frozenset({"users", "items"})

    def __init__(self, model: BPRMF, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.fakes = fakes
        self.device = device
        self.n_users = train.n_users + (0 if fakes is None else len(fakes))
        self.n_items = train.n_items
        self.optimizer = Adagrad(lr=model.lr)
        self.epochs = model.epochs
        self.rowwise = model.rowwise
        self.early_stopping = EarlyStopping(model.every, model.patience)
        self.triples = TripleSampler(train, fakes, device)

    def init(self, seed: int) -> Params:
        def normal(name: str, rows: int) -> Tensor:
            return normal_table(rows, self.model.dim, 0.1, seed, name, self.device)

        return {
            "users": normal("users", self.n_users),
            "items": normal("items", self.n_items),
            "bias": torch.zeros(self.n_items, 1, device=self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Triples]:
        return self.triples.batches(seed, epoch, self.model.batch_size)

    def encode(self, params: Params) -> Tables:
        return params if self.fakes is None else {**params, "fakes": self.fakes.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        users = rows(tables["users"], batch.users)
        pair = torch.cat([batch.negatives, batch.positives])
        negatives, positives = rows(tables["items"], pair).chunk(2)
        bias_negatives, bias_positives = rows(tables["bias"], pair).squeeze(1).chunk(2)
        losses = softplus((users * (negatives - positives)).sum(1) + bias_negatives - bias_positives)
        return batch.weighted(losses, tables.get("fakes"))

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        assert isinstance(batch, Triples)
        items = squares(params["items"]) + squares(params["bias"])
        return self.model.l2 * batch.sum_squares(squares(params["users"]), items) / len(batch.users)

    def narrow(self, batch: Batch) -> tuple[Params, Triples]:
        assert isinstance(batch, Triples)
        return batch.narrowed("users", ("items", "bias"))

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return torch.addmm(tables["bias"].T, tables["users"][users], tables["items"].T)
