"""Any object with `fit` and `score`, or `fit` and `recommend`."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from recbench.adapters.feedback import matrix
from recbench.adapters.lists import spread
from recbench.adapters.seeding import seed_unset
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions
from recbench.errors import PluginError

Way = Literal["score", "recommend", "recommend all"]

EXPECTED = (
    "write fit(matrix), where matrix is a SciPy CSR of users × items, and score(users) -> [b, n_items] "
    "or recommend(users, k) -> item ids [b, k]"
)


@dataclass(frozen=True)
class Plain(Recommender):
    """An object of any class, by the first of these that its signatures allow.

    - `fit(matrix)`: a SciPy CSR float32 [n_users, n_items] of ratings, or of ones on the implicit track.
      More parameters need defaults, as in scikit-learn's `fit(X, y=None)`.
    - `score(users)` -> scores [b, n_items] of user ids [b]; an array, a sparse matrix or a tensor. A first
      parameter called `X` is scikit-learn's `score`, the quality of a fit, and does not count.
    - `recommend(users, k)` -> item ids [b, k], best first, or a tuple of ids and scores; `k` is the
      size of the catalogue, and lists may be shorter: see `lists.spread`.
    - `recommend(users)` -> the same. A second parameter that is true or false by default is no `k`.

    Fitting works on a deep copy, so the object itself is never trained and a second fit starts where the
    first one did. Attributes `random_state` and `seed` that are None get the fit's seed.

    Args:
        model: the object, not fitted.

    Raises:
        PluginError: the object has none of this.
    """

    model: Any

    def __post_init__(self) -> None:
        way(self.model)

    def fit(self, train: Interactions, ctx: FitContext) -> PlainScorer:
        model = copied(self.model)
        seed_unset(model, ctx)
        model.fit(matrix(train))
        return PlainScorer(model, way(model), train.n_items)


@dataclass(frozen=True, eq=False)
class PlainScorer:
    """Args: model: fitted; way: how it is asked; n_items: size of the catalogue."""

    model: Any
    way: Way
    n_items: int

    def score(self, users: NDArray[np.integer]) -> Any:
        """Scores [b, n_items] of `users` [b].

        Raises:
            InvalidScores: lists that cannot be read; see `lists.spread`.
        """
        if self.way == "score":
            return _dense(self.model.score(users))
        length = (self.n_items,) if self.way == "recommend" else ()
        given = self.model.recommend(users, *length)
        items, scores = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
        return spread(items, scores, self.n_items, f"recommend of {type(self.model).__name__}")


def _dense(scores: Any) -> Any:
    """Scores as the harness reads them: a tensor, or a floating array."""
    if hasattr(scores, "toarray"):
        scores = scores.toarray()
    if hasattr(scores, "detach"):
        return scores
    array = np.asarray(scores)
    return array.astype(np.float64) if np.issubdtype(array.dtype, np.integer) else array


def copied(model: Any) -> Any:
    """A deep copy.

    Raises:
        PluginError: the object cannot be copied.
    """
    try:
        return copy.deepcopy(model)
    except Exception as error:
        raise PluginError(
            f"{type(model).__name__} cannot be copied ({type(error).__name__}: {error}), and every fit works on a "
            "copy; hand over a function that returns a new one, as FILE.py:FUNCTION"
        ) from error


def way(model: Any) -> Way:
    """How scores are got from the object, by its signatures.

    Raises:
        PluginError: it has no `fit(matrix)`, or neither `score` nor `recommend` as `Plain` expects them.
    """
    name = type(model).__name__
    if (fit := _method(model, "fit")) is None:
        raise PluginError(f"{name} cannot be a victim: it has no fit; {EXPECTED}")
    if not _takes(fit, 1):
        raise PluginError(f"{name} cannot be a victim: it has {_written('fit', fit)}; {EXPECTED}")
    score, recommend = _method(model, "score"), _method(model, "recommend")
    if score is not None and _takes(score, 1) and next(iter(inspect.signature(score).parameters)) != "X":
        return "score"
    if recommend is not None and _takes(recommend, 2) and not _second_is_a_switch(recommend):
        return "recommend"
    if recommend is not None and _takes(recommend, 1):
        return "recommend all"
    unfit = [_written(key, method) for key, method in (("score", score), ("recommend", recommend)) if method]
    has = " and ".join(unfit) or "neither score nor recommend"
    raise PluginError(f"{name} cannot be a victim: it has {has}; {EXPECTED}")


def speaks_recbench(model: Any) -> bool:
    """Whether `fit` is `fit(train, ctx)`: a recommender of recbench, whatever it inherits from."""
    fit = _method(model, "fit")
    return fit is not None and "ctx" in inspect.signature(fit).parameters


def _method(model: Any, name: str) -> Callable[..., Any] | None:
    method = getattr(model, name, None)
    if not callable(method):
        return None
    try:
        inspect.signature(method)
    except ValueError:  # compiled code need not have one
        raise PluginError(f"{name} of {type(model).__name__} has no signature to read; {EXPECTED}") from None
    return cast(Callable[..., Any], method)


def _takes(method: Callable[..., Any], count: int) -> bool:
    """Whether a call with `count` positional arguments is what the signature asks for."""
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError:
        return False
    return True


def _second_is_a_switch(method: Callable[..., Any]) -> bool:
    """Whether the second parameter is no length: `recommend(users, exclude_seen=True)`."""
    _, second, *_ = inspect.signature(method).parameters.values()
    return isinstance(second.default, bool)


def _written(name: str, method: Callable[..., Any]) -> str:
    return f"{name}({', '.join(inspect.signature(method).parameters)})"
