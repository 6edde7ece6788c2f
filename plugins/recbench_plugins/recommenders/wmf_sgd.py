"""Weighted matrix factorization trained by gradient descent: the attack literature's victim and surrogate.

The objective is that of Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets",
ICDM 2008, eq. 3; training it by gradients, as in Tang, Wen, Wang, "Revisiting Adversarially Learned
Injection Attacks Against Recommender Systems", RecSys 2020, makes it differentiable in the data.
"""

from __future__ import annotations

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
    Problem,
    RelaxedProfiles,
    SparsePattern,
    Tables,
    torch_rng,
)
from recbench.data import Interactions
from recbench_plugins.recommenders.initialization import normal_table


@dataclass(frozen=True)
class WMFSGD(Differentiable):
    """Weighted MF by Adam on the full squared loss: weight `alpha` on interactions, 1 on everything else.

    Args:
        dim: latent dimensions.
        alpha: confidence in an interaction; Tang et al. use 20, which ranks worse on ml-100k: validation NDCG@10 .274
            with the best of five regularizations, .284 here.
        lr: Adam's step size.
        l2: weight of the squared norms of both tables beside the loss summed over users.
        scale: deviation of the initial factors.
        epochs: passes over the users, at most.
        batch_users: users a step; all of them where there are fewer.
        every, patience: validate every so many epochs, stop after so many without a new best.
    """

    dim: PositiveInt = 64
    alpha: PositiveFloat = 5.0
    lr: PositiveFloat = 0.05
    l2: NonNegativeFloat = 45.0
    scale: PositiveFloat = 0.1
    epochs: PositiveInt = 50
    batch_users: PositiveInt = 2048
    every: PositiveInt = 10
    patience: PositiveInt = 2

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> WMFProblem:
        return WMFProblem(self, train, ctx.device, fakes)


@dataclass(frozen=True, eq=False)
class UserChunk(Batch):
    """A run of users, where their interactions stand among all interactions, and what these add to the loss."""

    rows: slice
    pattern: SparsePattern
    entries: slice
    quadratic: Tensor
    linear: Tensor


class WMFProblem(Problem):
    """One example a user: the weighted squared error over the whole catalogue, without a dense matrix.

    With s the scores, w the weight of each interaction (1 for genuine ones) and a = alpha,

        loss_u = sum over all i of s_ui^2
               + sum over the interactions of (a - 1) h(w_ui) s_ui^2 - 2 a w_ui s_ui + a w_ui,

    which is Hu et al.'s objective at w in {0, 1}; the first sum is p_u' (Q'Q) p_u. In between, the pull
    towards the interaction is linear in w and its confidence follows the smoothstep h(w) = w^2 (3 - 2w),
    flat at both ends: to first order, adding an interaction and taking one away then count alike. With
    h(w) = w an interaction that the model fits well would seem worthless to keep, and with Hu's
    confidence 1 + (a - 1) w one that is absent would seem a-fold less worth adding.
    """

    perturbable = frozenset({"users", "items"})

    def __init__(self, model: WMFSGD, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.model = model
        self.device = device
        self.n_users = train.n_users + (0 if fakes is None else len(fakes))
        self.n_items = train.n_items
        self.optimizer = Adam(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)
        indptr = torch.tensor(train.indptr, device=device)
        items = torch.tensor(train.items, dtype=torch.int64, device=device)
        if fakes is not None:
            indptr = torch.cat([indptr, indptr[-1] + fakes.indptr[1:]])
            items = torch.cat([items, fakes.items])
        weights = torch.ones(len(train), device=device)
        if fakes is not None:
            weights = torch.cat([weights, fakes.weights])
        self.quadratic = (model.alpha - 1) * weights**2 * (3 - 2 * weights)
        self.linear = -2 * model.alpha * weights
        starts = range(0, self.n_users, model.batch_users)
        runs = [slice(start, min(start + model.batch_users, self.n_users)) for start in starts]
        # Split once: the gradient of a slice is as long as the whole, and every step of unrolled training takes one.
        lengths = [int(indptr[run.stop] - indptr[run.start]) for run in runs]
        parts = zip(runs, self.quadratic.split_with_sizes(lengths), self.linear.split_with_sizes(lengths), strict=True)
        self.chunks = []
        for run, quadratic, linear in parts:
            entries = slice(int(indptr[run.start]), int(indptr[run.stop]))
            pattern = SparsePattern(indptr[run.start : run.stop + 1] - indptr[run.start], items[entries], self.n_items)
            users = torch.arange(run.start, run.stop, device=device)
            self.chunks.append(UserChunk(users, 0, run, pattern, entries, quadratic, linear))
        self.constant = (
            torch.cat([chunk.pattern.row_sums(weights[chunk.entries]) for chunk in self.chunks]) * model.alpha
        )

    def init(self, seed: int) -> Params:
        def normal(name: str, rows: int) -> Tensor:
            return normal_table(rows, self.model.dim, self.model.scale, seed, name, self.device)

        return {"users": normal("users", self.n_users), "items": normal("items", self.n_items)}

    def batches(self, seed: int, epoch: int) -> Iterator[UserChunk]:
        rng = torch_rng(seed, "chunks", epoch)
        for k in torch.randperm(len(self.chunks), generator=rng, device="cpu").tolist():
            yield self.chunks[k]

    def encode(self, params: Params) -> Tables:
        return {**params, "quadratic": self.quadratic, "linear": self.linear, "constant": self.constant}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, UserChunk)
        users, items = tables["users"][batch.rows], tables["items"]
        everything = ((users @ (items.T @ items)) * users).sum(1)
        scores = batch.pattern.sampled(users, items)
        quadratic, linear = tables["quadratic"][batch.entries], tables["linear"][batch.entries]
        excess = batch.pattern.row_sums(scores * torch.addcmul(linear, quadratic, scores))
        return everything + excess + tables["constant"][batch.rows]

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        assert isinstance(batch, UserChunk)
        users = (params["users"][batch.rows] ** 2).sum() / len(batch.users)
        return self.model.l2 * (users + (params["items"] ** 2).sum() / self.n_users)

    def gradients(self, params: Params, batch: Batch) -> Params:
        """In closed form, with G = Q'Q and e_ui = (a - 1) h(w_ui) s_ui - a w_ui on the interactions, half of it is
        P (G + l2 I) + E Q for the users and, of the batch's rows, Q (P'P) + E'P for the items, with their own l2."""
        assert isinstance(batch, UserChunk)
        users, items, b = params["users"][batch.rows], params["items"], len(batch.users)
        scores = batch.pattern.sampled(users, items)
        errors = torch.addcmul(batch.linear, batch.quadratic, scores, value=2)
        ridge = self.model.l2 * torch.eye(items.shape[1], dtype=items.dtype, device=items.device)
        to_users = torch.addmm(batch.pattern.matmul(errors, items), users, items.T @ items + ridge, alpha=2) / b
        items_ridge = ridge * (b / self.n_users)
        to_items = torch.addmm(batch.pattern.matmul_t(errors, users), items, users.T @ users + items_ridge, alpha=2) / b
        rest = (0, 0, batch.rows.start, self.n_users - batch.rows.stop)
        return {"users": torch.nn.functional.pad(to_users, rest), "items": to_items}

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["users"][users] @ tables["items"].T
