"""Models of the library Cornac (Salah, Truong, Lauw, JMLR 2020, https://cornac.preferred.ai)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.adapters.seeding import library_seed
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions
from recbench.errors import PluginError

OTHER_TASKS = ("NextBasketRecommender", "NextItemRecommender")


@dataclass(frozen=True)
class Cornac(Recommender):
    """A model of Cornac, trained on a `cornac.data.Dataset` whose indices are recbench's own ids.

    Every fit trains `model.clone()`, a new object of the same parameters: Cornac makes its generators when
    an object is built and goes on from factors that it holds, so neither a copy nor a seed set later would do.
    The clone gets the fit's seed where the model takes one and its own is None, which makes Cornac
    use one thread. Without ratings every interaction has the rating 1.

    Args:
        model: the object, such as `BPR(k=64)`.

    Raises:
        PluginError: the model is of another task than scoring items for users, is not trainable, or lacks an
            attribute that `clone` reads.
    """

    model: Any

    def __post_init__(self) -> None:
        name = type(self.model).__name__
        for cls in type(self.model).__mro__:
            if cls.__name__ in OTHER_TASKS:
                raise PluginError(f"{name} of Cornac is a {cls.__name__}; a victim scores all items for a user")
        if not self.model.trainable:
            raise PluginError(f"{name} of Cornac is not trainable, so no attack can reach it; set trainable=True")
        for parameter in self._parameters():
            if not hasattr(self.model, parameter):
                raise PluginError(
                    f"{name} of Cornac keeps no attribute '{parameter}', which its clone() reads; set it in __init__"
                )

    def fit(self, train: Interactions, ctx: FitContext) -> CornacScorer:
        from cornac.data import Dataset

        changed = {}
        if "seed" in self._parameters() and self.model.seed is None:
            changed["seed"] = library_seed(ctx)
        model = self.model.clone(changed)
        if hasattr(model, "num_threads"):
            model.num_threads = 1
        model.fit(
            Dataset(
                num_users=train.n_users,
                num_items=train.n_items,
                uid_map=OrderedDict(zip(range(train.n_users), range(train.n_users), strict=True)),
                iid_map=OrderedDict(zip(range(train.n_items), range(train.n_items), strict=True)),
                uir_tuple=(train.users.astype(int), train.items.astype(int), _ratings(train)),
                timestamps=train.timestamps,
                seed=library_seed(ctx),
            )
        )
        return CornacScorer(model, train.n_items)

    def _parameters(self) -> list[str]:
        names: list[str] = self.model._get_init_params()
        return names


@dataclass(frozen=True, eq=False)
class CornacScorer:
    """Args: model: fitted; n_items: size of the catalogue."""

    model: Any
    n_items: int

    def score(self, users: NDArray[np.integer]) -> NDArray[Any]:
        """Scores [b, n_items]; Cornac scores one user at a time, some models by whole numbers."""
        rows = [np.ravel(self.model.score(int(user))) for user in users]
        scores = np.array(rows).reshape(len(users), self.n_items)
        return scores.astype(np.float64) if np.issubdtype(scores.dtype, np.integer) else scores


def _ratings(train: Interactions) -> NDArray[np.float64]:
    return np.ones(len(train)) if train.ratings is None else train.ratings.astype(np.float64)
