"""Models of the library implicit (Frederickson, https://github.com/benfred/implicit)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recbench.adapters.feedback import matrix
from recbench.adapters.lists import spread
from recbench.adapters.plain import copied
from recbench.adapters.seeding import seed_unset
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions

FACTORS = ("user_factors", "item_factors")


@dataclass(frozen=True)
class Implicit(Recommender):
    """A model of implicit, trained on the matrix of users × items; ratings are its confidence weights.

    It runs on one thread and with the fit's seed where its own `random_state` is None, because its threads
    race for the factors. Factors that the model may hold are dropped first: implicit would start from them.

    Args:
        model: the object, such as `AlternatingLeastSquares(factors=64)`.
    """

    model: Any

    def fit(self, train: Interactions, ctx: FitContext) -> FactorScorer | ListingScorer:
        model = copied(self.model)
        seed_unset(model, ctx)
        if hasattr(model, "num_threads"):
            model.num_threads = 1
        for name in FACTORS:
            if hasattr(model, name):
                setattr(model, name, None)
        weights = matrix(train)
        model.fit(weights, show_progress=False)
        # By the class: the approximate indices hold factors too, and rank by other means.
        if any(cls.__name__ == "MatrixFactorizationBase" for cls in type(model).__mro__):
            return FactorScorer(*(_array(getattr(model, name)) for name in FACTORS))
        return ListingScorer(model, weights)


@dataclass(frozen=True, eq=False)
class FactorScorer:
    """Args: users: [n_users, d]; items: [n_items, d], with a column for the bias where the model has one."""

    users: NDArray[np.floating[Any]]
    items: NDArray[np.floating[Any]]

    def score(self, users: NDArray[np.integer]) -> NDArray[np.floating[Any]]:
        """Inner products [b, n_items], which is what implicit's `recommend` sorts."""
        scores: NDArray[np.floating[Any]] = self.users[users] @ self.items.T
        return scores


@dataclass(frozen=True, eq=False)
class ListingScorer:
    """Args: model: fitted; weights: CSR [n_users, n_items], from which it reads the histories."""

    model: Any
    weights: sp.csr_matrix

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float64]:
        """The scores [b, n_items] of lists that are as long as the catalogue; what they leave out ties last."""
        n_items = self.weights.shape[1]
        items, scores = self.model.recommend(users, self.weights[users], N=n_items, filter_already_liked_items=False)
        return spread(items, scores, n_items, f"recommend of {type(self.model).__name__}")


def _array(factors: Any) -> NDArray[np.floating[Any]]:
    """Factors from the host or, by `to_numpy`, from the GPU; float32 at least."""
    array = factors.to_numpy() if hasattr(factors, "to_numpy") else np.asarray(factors)
    return array.astype(np.float32) if array.dtype == np.float16 else array
