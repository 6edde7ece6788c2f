"""Matrix factorization of ratings with biases of users and items: the victim of the rating track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import (
    Adam,
    Batch,
    Differentiable,
    EarlyStopping,
    FitContext,
    FittedProblem,
    Params,
    Problem,
    RecbenchError,
    RelaxedProfiles,
    Tables,
)
from recbench.data import Interactions
from recbench_plugins.recommenders.feedback_matrix import feedback_matrix
from recbench_plugins.recommenders.initialization import normal_table


@dataclass(frozen=True)
class BiasedMF(Differentiable):
    """Biased matrix factorization (Koren, Bell, Volinsky, "Matrix factorization techniques for recommender systems",
    IEEE Computer 2009, eq. 5): with the mean rating mu, minimize over the observed ratings

        sum of (r_ui - mu - b_u - b_i - p_u'q_i)² + l2 (|p_u|² + |q_i|² + b_u² + b_i²).

    All ratings are one batch of Adam, where the paper steps on one rating at a time. Items are ranked by their
    predicted ratings.

    Defaults were chosen by the squared error on a validation part of ml-100k, where the error still falls after all
    epochs; that on sparse data rises from the tenth on. See docs/validation/recommenders.md.

    Args:
        dim: latent dimensions; more fit ml-100k hardly better (validation RMSE .917 with 32, .922 with 6) and, from a
            handful of ratings a user, rank worse.
        lr: Adam's step size.
        l2: regularization of what an observed rating reads.
        scale: deviation of the initial factors.
        epochs: steps, at most.
        every, patience: validate every so many epochs, stop after so many without a new best.
    """

    dim: PositiveInt = 6
    lr: PositiveFloat = 0.03
    l2: NonNegativeFloat = 0.15
    scale: PositiveFloat = 0.1
    epochs: PositiveInt = 100
    every: PositiveInt = 10
    patience: PositiveInt = 2

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> BiasedMFProblem:
        """The training problem.

        Raises:
            RecbenchError: the data or the fakes have no ratings.
        """
        return BiasedMFProblem(self, train, ctx.device, fakes)


class BiasedMFProblem(Problem):
    """One example a user: the squared errors of its ratings, each times the weight of a relaxed interaction."""

    perturbable = frozenset({"users", "items"})

    def __init__(self, model: BiasedMF, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        if train.ratings is None or (fakes is not None and fakes.ratings is None):
            raise RecbenchError("biased-mf: there are no ratings; run it on the explicit track")
        self.model = model
        self.device = device
        self.pattern, self.weights = feedback_matrix(train, fakes, device)
        self.ratings = torch.tensor(train.ratings, device=device).to(self.weights)
        self.low, self.high = float(train.ratings.min(initial=np.inf)), float(train.ratings.max(initial=-np.inf))
        if fakes is not None and fakes.ratings is not None:
            self.ratings = torch.cat([self.ratings, fakes.ratings])
        self.mean = (self.weights * self.ratings).sum() / self.weights.sum()
        self.by_user = self.pattern.row_sums(self.weights)
        self.by_item = self.weights.new_zeros(train.n_items).index_add(0, self.pattern.cols, self.weights)
        self.n_users, self.n_items = self.pattern.shape
        self.optimizer = Adam(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)

    def init(self, seed: int) -> Params:
        def normal(name: str, rows: int) -> Tensor:
            return normal_table(rows, self.model.dim, self.model.scale, seed, name, self.device)

        return {
            "users": normal("users", self.n_users),
            "items": normal("items", self.n_items),
            "user-bias": torch.zeros(self.n_users, 1, device=self.device),
            "item-bias": torch.zeros(self.n_items, 1, device=self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield Batch(torch.arange(self.n_users, device=self.device), seed)

    def encode(self, params: Params) -> Tables:
        """The mean has a table too; what perturbs rows, and measures them, finds factors alone in them."""
        return {**params, "mean": self.mean}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        user_bias, item_bias = tables["user-bias"], tables["item-bias"]
        # As products, the biases cost next to nothing; read one by one they would be most of a step.
        users = torch.cat([tables["users"], user_bias, torch.ones_like(user_bias)], dim=1)
        items = torch.cat([tables["items"], torch.ones_like(item_bias), item_bias], dim=1)
        errors = self.ratings - tables["mean"] - self.pattern.sampled(users, items)
        return self.pattern.row_sums(self.weights * errors**2)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        users = (params["users"] ** 2).sum(1) + params["user-bias"].squeeze(1) ** 2
        items = (params["items"] ** 2).sum(1) + params["item-bias"].squeeze(1) ** 2
        return self.model.l2 * (self.by_user @ users + self.by_item @ items) / self.n_users

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        biases = tables["user-bias"][users] + tables["item-bias"].T
        return tables["mean"] + biases + tables["users"][users] @ tables["items"].T

    def finish(self, params: Params) -> PredictedRatings:
        with torch.no_grad():
            tables = {name: table.detach() for name, table in self.encode(params).items()}
        return PredictedRatings(self, tables, self.low, self.high)


@dataclass(frozen=True, eq=False)
class PredictedRatings(FittedProblem):
    """A scorer whose scores are ratings: the mean, biases and products of rows, each of which is a table.

    `low` and `high` are the least and the greatest rating of the training data.
    """

    low: float
    high: float

    def predict(self, users: NDArray[np.integer], items: NDArray[np.integer]) -> Tensor:
        """The predicted rating of each (user, item) pair, [b], within the scale."""
        with torch.no_grad():
            rows, columns = (torch.tensor(ids, dtype=torch.int64, device=self.problem.device) for ids in (users, items))
            rated = self.tables["mean"] + self.tables["user-bias"][rows, 0]
            rated = rated + (self.tables["users"][rows] * self.tables["items"][columns]).sum(1)
            if "item-bias" in self.tables:
                rated = rated + self.tables["item-bias"][columns, 0]
            return rated.clamp(self.low, self.high)
