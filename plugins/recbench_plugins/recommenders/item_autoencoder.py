"""An autoencoder of items, each seen as the column of its users: a victim and surrogate of the attack literature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

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
from recbench_plugins.recommenders.acceleration import Accelerable, in_bfloat16
from recbench_plugins.recommenders.feedback_matrix import feedback_matrix
from recbench_plugins.recommenders.initialization import normal_table


@dataclass(frozen=True)
class ItemAutoencoder(Differentiable):
    """ItemAE (Tang, Wen, Wang, "Revisiting adversarially learned injection attacks against recommender systems",
    RecSys 2020, after Sedhain et al., "AutoRec", WWW 2015): with the column x_i of the users who have item i,

        f(x_i) = V tanh(tanh(tanh(x_i U + b1) W2 + b2) W3 + b3) + c,
        loss = sum over all u, i of w_ui (x_ui - f(x_i)_u)², with w_ui = alpha on interactions and 1 elsewhere;

    the score of item i for user u is f(x_i)_u. The decoder is linear, so the loss over the whole matrix is that of a
    factor model whose item factors are encoded, and is summed like that one's, by a Gram matrix and the interactions:
    nothing dense is ever made. All items are one batch (in the paper 2,048 of them are). On an explicit track every
    rating counts as a positive.

    Args:
        hidden: width of the first and the third layer; 256 in the paper, which ranks worse on ml-100k (validation
            NDCG@10 .250 with the best of six regularizations, .281 here) and costs four times as much.
        bottleneck: width of the second one; 128 in the paper.
        alpha: confidence in an interaction; 20 in the paper, .213 on ml-100k with the best of six settings.
        lr: Adam's step size; .001 in the paper, whose 50 steps would end before anything is learned.
        l2: weight of the squared norm of everything but biases, beside the loss summed over users.
        epochs: at most; each is one step.
        every, patience: validate every so many epochs, stop after so many without a new best.
        amp: take the losses in bfloat16; see `acceleration`.
    """

    hidden: PositiveInt = 64
    bottleneck: PositiveInt = 32
    alpha: PositiveFloat = 3.0
    lr: PositiveFloat = 0.01
    l2: NonNegativeFloat = 90.0
    epochs: PositiveInt = 150
    every: PositiveInt = 15
    patience: PositiveInt = 2
    amp: bool = option(False)

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> ItemAEProblem:
        problem = ItemAEProblem(self, train, ctx.device, fakes)
        return in_bfloat16(problem, ctx) if self.amp and fakes is None else problem


class ItemAEProblem(Accelerable):
    """One example a user: the weighted squared error over the whole catalogue.

    Relaxed weights w enter twice: as inputs of the encoder, and in the loss as in `wmf_sgd`, where the pull towards an
    interaction is linear in w and its confidence follows the smoothstep h(w) = w² (3 - 2w).
    """

    perturbable = frozenset({"users", "items"})

    def __init__(self, model: ItemAutoencoder, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.device = device
        self.pattern, self.weights = feedback_matrix(train, fakes, device)
        self.n_users, self.n_items = self.pattern.shape
        self.optimizer = Adam(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)

    def init(self, seed: int) -> Params:
        hidden, bottleneck = self.model.hidden, self.model.bottleneck

        def normal(name: str, rows: int, columns: int, fan: int) -> Tensor:
            return normal_table(rows, columns, 1 / math.sqrt(fan), seed, name, self.device)

        def zeros(columns: int) -> Tensor:
            return torch.zeros(1, columns, device=self.device)

        # The scale of a table with a row a user must not depend on how many users, and so fakes, there are.
        return {
            "encoder": normal("encoder", self.n_users, hidden, fan=hidden),
            "encoder-bias": zeros(hidden),
            "inward": normal("inward", hidden, bottleneck, fan=hidden),
            "inward-bias": zeros(bottleneck),
            "outward": normal("outward", bottleneck, hidden, fan=bottleneck),
            "outward-bias": zeros(hidden),
            "decoder": normal("decoder", self.n_users, hidden, fan=hidden),
            "decoder-bias": torch.zeros(self.n_users, 1, device=self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield Batch(torch.arange(self.n_users, device=self.device), seed)

    def encode(self, params: Params) -> Tables:
        """Factors of users and of items, whose inner products are the outputs, and the coefficients of the loss."""
        code = torch.tanh(self.pattern.matmul_t(self.weights, params["encoder"]) + params["encoder-bias"])
        code = torch.tanh(torch.addmm(params["inward-bias"], code, params["inward"]))
        code = torch.tanh(torch.addmm(params["outward-bias"], code, params["outward"]))
        alpha, weights = self.model.alpha, self.weights
        return {
            "users": torch.cat([params["decoder"], params["decoder-bias"]], dim=1),
            "items": torch.cat([code, code.new_ones(self.n_items, 1)], dim=1),
            "quadratic": (alpha - 1) * weights**2 * (3 - 2 * weights),
            "linear": -2 * alpha * weights,
            "constant": alpha * weights,
        }

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        users, items = tables["users"], tables["items"]
        everywhere = ((users @ (items.T @ items)) * users).sum(1)
        outputs = self.pattern.sampled(users, items)
        excess = outputs * torch.addcmul(tables["linear"], tables["quadratic"], outputs) + tables["constant"]
        return everywhere + self.pattern.row_sums(excess)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        squares = [(table * table).sum() for name, table in params.items() if not name.endswith("bias")]
        return self.model.l2 * torch.stack(squares).sum() / self.n_users

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["users"][users] @ tables["items"].T
