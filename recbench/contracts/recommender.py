"""`Recommender`: the victim, and the capabilities that it may declare.

A recommender is a frozen dataclass of hyper-parameters; `fit` returns the fitted model, which is
anything that scores. Scores are opaque arrays, so the model may live in NumPy, torch, a compiled
library or another process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.context import FitContext
from recbench.data.interactions import Histories, Interactions

if TYPE_CHECKING:
    from recbench.contracts.problem import Problem
    from recbench.contracts.relaxed import RelaxedProfiles


@runtime_checkable
class Scorer(Protocol):
    """A fitted model."""

    def score(self, users: NDArray[np.integer]) -> Any:
        """Scores of every item for `users` [b]: an array [b, n_items], NumPy or torch, higher is better.

        The caller masks what a user has already consumed; a scorer returns plain finite scores.
        """


class Recommender(ABC):
    """A trainable recommender; the dataclass's fields are its hyper-parameters."""

    @abstractmethod
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        """Train on all of `train`, whose arrays are read-only. The same seed gives the same model."""


@runtime_checkable
class Sequential(Protocol):
    """A scorer that works from histories alone (capability `sequential`)."""

    def score_histories(self, histories: Histories) -> Any:
        """Scores [len(histories), n_items] of the next item; histories are oldest first, without user ids."""


@runtime_checkable
class Ratings(Protocol):
    """A scorer that predicts ratings on the data set's scale (capability `ratings`), which its scores are too.

    Scores may lie beyond the scale; validation clips them.
    """

    def predict(self, users: NDArray[np.integer], items: NDArray[np.integer]) -> Any:
        """The predicted rating of each (user, item) pair, [b]."""


@runtime_checkable
class Persistent(Protocol):
    """A scorer that survives the store without pickle (capability `persistent`)."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """The arrays that the model is made of."""


class Differentiable(Recommender):
    """A recommender whose training is a pure `Problem` (capability `differentiable`).

    Gradient attacks, adversarial training and joint detectors are built on the problem, not on the
    model: whatever is shown about one path holds for the other, because `fit` trains the problem.
    """

    @abstractmethod
    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> Problem:
        """The training problem on `train`; fakes, where given, are users n_users .. n_users + m - 1 of it."""

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        from recbench.contracts.training import train as train_problem

        return train_problem(self.problem(train, ctx), ctx)
