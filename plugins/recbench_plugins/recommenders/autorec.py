"""An autoencoder of items' ratings: a victim of the rating track."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
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
    RecbenchError,
    RelaxedProfiles,
    Tables,
)
from recbench.data import Interactions
from recbench_plugins.recommenders.biased_mf import PredictedRatings
from recbench_plugins.recommenders.feedback_matrix import feedback_matrix
from recbench_plugins.recommenders.initialization import normal_table


@dataclass(frozen=True)
class AutoRec(Differentiable):
    """I-AutoRec (Sedhain, Menon, Sanner, Xie, "AutoRec: autoencoders meet collaborative filtering", WWW 2015, eqs. 2
    and 3). The column r_i of the ratings of item i, with zeros where a user gave none, is reconstructed by

        h(r_i) = W g(V r_i + m) + b,   g the logistic function,   minimizing over the observed ratings
        sum of (r_ui - h(r_i)_u)² + l2/2 (|W_u|² + |V_u|²);

    the predicted rating is h(r_i)_u. The decoder is linear, the best of the paper's choices, so that items' codes are
    factors and the loss is summed over the observed ratings alone. Departures: a user's rows of W and V are regularized
    once a rating, not once, so that the same l2 suits data of any density; ratings are taken less their mean, which a
    user without any is predicted; all items are one batch of Adam (of RProp in the paper). Items are ranked by their
    predicted ratings.

    Args:
        hidden: width of the code; 500 in the paper. Not searched.
        l2: regularization of the rows that an observed rating reads. Validation RMSE on a part of ml-100k: .919 at 1,
            .927 at .5, .934 at 2; of `biased-mf` .922.
        lr: Adam's step size.
        epochs: steps, at most.
        every, patience: validate every so many epochs, stop after so many without a new best.
    """

    hidden: PositiveInt = 100
    l2: NonNegativeFloat = 1.0
    lr: PositiveFloat = 0.01
    epochs: PositiveInt = 100
    every: PositiveInt = 10
    patience: PositiveInt = 2

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> AutoRecProblem:
        """The training problem.

        Raises:
            RecbenchError: the data or the fakes have no ratings.
        """
        return AutoRecProblem(self, train, ctx.device, fakes)


class AutoRecProblem(Problem):
    """One example a user: the squared errors of its ratings.

    The weight of a relaxed interaction enters twice: it scales the rating at the input, and its error in the loss.
    """

    perturbable = frozenset({"users", "items"})

    def __init__(self, model: AutoRec, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        if train.ratings is None or (fakes is not None and fakes.ratings is None):
            raise RecbenchError("autorec: there are no ratings; run it on the explicit track")
        self.model = model
        self.device = device
        self.pattern, self.weights = feedback_matrix(train, fakes, device)
        ratings = torch.tensor(train.ratings, device=device).to(self.weights)
        self.low, self.high = float(train.ratings.min(initial=np.inf)), float(train.ratings.max(initial=-np.inf))
        if fakes is not None and fakes.ratings is not None:
            ratings = torch.cat([ratings, fakes.ratings])
        self.mean = (self.weights * ratings).sum() / self.weights.sum()
        self.ratings = ratings - self.mean
        self.by_user = self.pattern.row_sums(self.weights)
        self.n_users, self.n_items = self.pattern.shape
        self.optimizer = Adam(lr=model.lr)
        self.epochs = model.epochs
        self.early_stopping = EarlyStopping(model.every, model.patience)

    def init(self, seed: int) -> Params:
        hidden = self.model.hidden

        def normal(name: str) -> Tensor:
            # The scale must not depend on how many users, and so fakes, there are.
            return normal_table(self.n_users, hidden, 1 / math.sqrt(hidden), seed, name, self.device)

        # No step moves the row of a user without ratings from where it starts.
        rated = (self.pattern.indptr.diff() > 0)[:, None]
        return {
            "encoder": normal("encoder"),
            "encoder-bias": torch.zeros(1, hidden, device=self.device),
            "decoder": normal("decoder") * rated,
            "decoder-bias": torch.zeros(self.n_users, 1, device=self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield Batch(torch.arange(self.n_users, device=self.device), seed)

    def encode(self, params: Params) -> Tables:
        """Rows whose inner products are the ratings above the mean and the user's bias, which have tables too."""
        inputs = self.pattern.matmul_t(self.weights * self.ratings, params["encoder"])
        code = torch.sigmoid(inputs + params["encoder-bias"])
        return {
            "users": params["decoder"],
            "items": code,
            "user-bias": params["decoder-bias"],
            "mean": self.mean,
        }

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        products = self.pattern.sampled(tables["users"], tables["items"])
        errors = self.ratings - self.pattern.spread(tables["user-bias"][:, 0]) - products
        return self.pattern.row_sums(self.weights * errors**2)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        squares = (params["encoder"] ** 2).sum(1) + (params["decoder"] ** 2).sum(1)
        return self.model.l2 / 2 * (self.by_user @ squares) / self.n_users

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["mean"] + tables["user-bias"][users] + tables["users"][users] @ tables["items"].T

    def finish(self, params: Params) -> PredictedRatings:
        with torch.no_grad():
            tables = {name: table.detach() for name, table in self.encode(params).items()}
        return PredictedRatings(self, tables, self.low, self.high)
