"""Accuracy of predicted ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recbench.contracts import Metric, Outcome
from recbench.evaluation import ratings


@dataclass(frozen=True)
class RatingMetric(Metric):
    """RMSE, MAE and the accuracy of like or dislike, over the genuine test interactions.

    Predictions are clipped to the scale first. Nothing where the victim predicts no ratings.
    """

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        if outcome.predicted is None or outcome.actual is None or outcome.scale is None or not len(outcome.actual):
            return {}
        predicted = ratings.clipped(outcome.predicted, outcome.scale)
        return {
            "rmse": ratings.rmse(predicted, outcome.actual),
            "mae": ratings.mae(predicted, outcome.actual),
            "like-accuracy": ratings.like_accuracy(predicted, outcome.actual, outcome.scale),
        }
