"""Scores as they come from a scorer: checked, and brought to NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recbench.errors import InvalidScores

if TYPE_CHECKING:
    from recbench.contracts.recommender import Scorer


def checked_scores(scorer: Scorer, users: NDArray[np.int64], n_items: int) -> NDArray[np.floating[Any]]:
    """The scores [b, n_items] of `users`, in the scorer's own precision but float32 at least.

    The array may share memory with the scorer: read it, never write to it.

    Raises:
        InvalidScores: not a floating array of that shape, or a score that is not finite.
    """
    given = scorer.score(users)
    if hasattr(given, "detach"):  # a tensor: NumPy knows neither its device nor bfloat16
        given = given.detach().cpu()
        if given.element_size() < 4 and given.is_floating_point():
            given = given.float()
    scores = np.asarray(given)
    name = type(scorer).__name__
    if scores.shape != (len(users), n_items):
        raise InvalidScores(
            f"{name} gave scores of shape {scores.shape}; expected {(len(users), n_items)}, users × items"
        )
    if not np.issubdtype(scores.dtype, np.floating):
        raise InvalidScores(f"{name} gave {scores.dtype} scores; expected float32 or float64")
    if scores.dtype == np.float16:
        scores = scores.astype(np.float32)
    finite = np.isfinite(scores)
    if not finite.all():
        row, item = np.argwhere(~finite)[0]
        raise InvalidScores(
            f"{name} gave user {users[row]} the score {scores[row, item]} for item {item}; every score must be finite "
            "(recbench masks what a user has consumed)"
        )
    return scores
