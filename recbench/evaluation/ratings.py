"""Accuracy of predicted ratings against true ones, over the genuine interactions of a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.threat import RatingScale
from recbench.errors import InvalidScores
from recbench.evaluation.ragged import entries
from recbench.evaluation.ranking import CHUNK_BYTES, CHUNK_USERS
from recbench.evaluation.scores import checked_scores

if TYPE_CHECKING:
    from recbench.contracts.recommender import Scorer
    from recbench.data.interactions import Interactions
    from recbench.evaluation.audience import Audience

Predictions = NDArray[np.floating[Any]]


def clipped(predicted: Predictions, scale: RatingScale) -> NDArray[np.float64]:
    """Predictions [r] clipped to the scale, not rounded.

    Raises:
        InvalidScores: a prediction is not finite.
    """
    finite = np.isfinite(predicted)
    if not finite.all():
        at = int(np.argmin(finite))
        raise InvalidScores(f"predicted rating {at} of {len(predicted)} is {predicted[at]}; all must be finite")
    return np.clip(predicted.astype(np.float64), scale.low, scale.high)


def rmse(predicted: Predictions, actual: Predictions) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


def mae(predicted: Predictions, actual: Predictions) -> float:
    """The mean absolute error."""
    return float(np.mean(np.abs(predicted - actual)))


def like_accuracy(predicted: Predictions, actual: Predictions, scale: RatingScale) -> float:
    """How often prediction and truth agree on like (above the middle of the scale) or dislike."""
    middle = (scale.low + scale.high) / 2
    return float(np.mean((predicted > middle) == (actual > middle)))


def validation_error(scorer: Scorer, audience: Audience, validation: Interactions, scale: RatingScale) -> float:
    """The RMSE on the validation ratings of genuine users: what `FitContext.validate` negates.

    It reads the scores of everybody for everything, since pairs to `predict` would tell who has validation ratings.

    Args:
        scorer: the model so far, whose scores are ratings.
        audience: whom to ask about, in what order.
        validation: the genuine users' validation ratings, in clean numbering.
        scale: to which scores are clipped.

    Raises:
        InvalidScores: scores of a wrong shape or type, or that are not finite, for anyone.
    """
    assert validation.ratings is not None
    predicted = np.empty(len(validation))
    size = max(CHUNK_USERS, CHUNK_BYTES // (4 * validation.n_items))
    for start in range(0, len(audience.users), size):
        chunk = slice(start, start + size)
        scores = checked_scores(scorer, audience.users[chunk], validation.n_items)
        genuine = np.flatnonzero(audience.rows[chunk] >= 0)
        lists, positions = entries(validation.indptr, audience.rows[chunk][genuine])
        predicted[positions] = scores[genuine[lists], validation.items[positions]]
    return rmse(clipped(predicted, scale), validation.ratings)
