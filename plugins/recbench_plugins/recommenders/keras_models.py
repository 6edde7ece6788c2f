"""A recommender of Keras on TensorFlow, from `pip install 'recbench[keras]'`."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from recbench.adapters import from_extra
from recbench.contracts import FitContext, Recommender, derive_seed, numpy_rng
from recbench.data import Interactions


@dataclass(frozen=True)
class KerasMultiDAE(Recommender):
    """Mult-DAE (Liang, Krishnan, Hoffman, Jebara, "Variational autoencoders for collaborative filtering", WWW 2018,
    eq. 2 and section 2.3), as a model of Keras. A user's row x [n_items], normalized and with entries left out by
    chance, goes through one hidden layer to the logits of a multinomial over all items,

        z = V tanh(W dropout(x / |x|) + b) + c,   loss = -sum x log softmax(z) + l2 (|W|² + |V|²),

    averaged over a batch of users. On an explicit track every rating counts as a positive. Of two values, l2 is the one
    that was better on a validation part of ml-100k.

    Args:
        hidden: units between; 200 in the paper.
        dropout: share of the entries left out; .5 in the paper.
        lr: Adam's step size; .001 in the paper.
        l2: weight of the squared norms of both matrices; .01 in the paper.
        epochs: passes over the users, at most.
        batch_users: users a step; 500 in the paper.
        every, patience: validate every so many epochs, stop after so many without a new best.
    """

    hidden: PositiveInt = 200
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    lr: PositiveFloat = 0.003
    l2: NonNegativeFloat = 0.01
    epochs: PositiveInt = 40
    batch_users: PositiveInt = 64
    every: PositiveInt = 10
    patience: PositiveInt = 2

    def fit(self, train: Interactions, ctx: FitContext) -> KerasScorer:
        """Train.

        Raises:
            PluginError: TensorFlow or Keras is not installed.
        """
        tensorflow, keras = _libraries(ctx.threads)
        active = np.flatnonzero(train.user_counts)
        with tensorflow.device("CPU" if ctx.device == "cpu" else "GPU"):
            model = self._compiled(keras, train.n_items, ctx.seed)
            scorer = KerasScorer(model, train.csr)
            best, best_quality, waited = model.get_weights(), float("-inf"), 0
            for epoch in range(self.epochs):
                order = numpy_rng(ctx.seed, "users", epoch).permutation(active)
                for start in range(0, len(order), self.batch_users):
                    rows = scorer.rows(order[start : start + self.batch_users])
                    model.train_on_batch(rows, rows)
                if ctx.validate is not None and (epoch + 1) % self.every == 0:
                    quality = ctx.validate(scorer)
                    if quality > best_quality:
                        best, best_quality, waited = model.get_weights(), quality, 0
                    elif (waited := waited + 1) >= self.patience:
                        break
            if best_quality > float("-inf"):
                model.set_weights(best)
        return scorer

    def _compiled(self, keras: Any, n_items: int, seed: int) -> Any:
        def dense(name: str, units: int, activation: str | None = None) -> Any:
            return keras.layers.Dense(
                units,
                activation=activation,
                kernel_initializer=keras.initializers.GlorotUniform(seed=_seed(seed, name)),
                kernel_regularizer=keras.regularizers.L2(self.l2),
            )

        def loss(rows: Any, logits: Any) -> Any:
            return -keras.ops.sum(rows * keras.ops.log_softmax(logits), axis=-1)

        model = keras.Sequential(
            [
                keras.Input((n_items,)),
                keras.layers.UnitNormalization(),
                keras.layers.Dropout(self.dropout, seed=_seed(seed, "dropout")),
                dense("hidden", self.hidden, "tanh"),
                dense("logits", n_items),
            ]
        )
        model.compile(keras.optimizers.Adam(self.lr), loss)
        return model


@dataclass(frozen=True, eq=False)
class KerasScorer:
    """Args: model: of Keras, from rows to scores, [b, n_items] both; histories: CSR [n_users, n_items], ones."""

    model: Any
    histories: sp.csr_matrix

    def rows(self, users: NDArray[np.integer]) -> NDArray[np.float32]:
        """The users' interactions as ones, [b, n_items]."""
        rows: NDArray[np.float32] = self.histories[users].toarray().astype(np.float32)
        return rows

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float32]:
        """The logits [b, n_items]."""
        scores: NDArray[np.float32] = self.model(self.rows(users), training=False).numpy()
        return scores


def _libraries(threads: int) -> tuple[Any, Any]:
    """TensorFlow on so many threads, and Keras on it, imported where they are used: what forks workers must not have
    started TensorFlow's threads.

    Keras reads a user's keras.json when it is imported, which could change what is computed, and writes one where
    there is none; its settings here are its own.
    """
    tensorflow = from_extra("keras", "tensorflow")
    for pool in ("intra", "inter"):
        getattr(tensorflow.config.threading, f"set_{pool}_op_parallelism_threads")(threads)
    with (
        tempfile.TemporaryDirectory() as home,
        patch.dict(os.environ, {"KERAS_HOME": home, "KERAS_BACKEND": "tensorflow"}),
    ):
        return tensorflow, from_extra("keras", "keras")


def _seed(seed: int, name: str) -> int:
    """A seed of 31 bits, which is what Keras takes."""
    return derive_seed(seed, name) % 2**31
