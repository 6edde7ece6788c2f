"""Accuracy of predicted ratings against true ones, over the genuine test interactions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.threat import RatingScale
from recbench.errors import InvalidScores

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
