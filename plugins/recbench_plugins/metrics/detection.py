"""How well the defense tells fakes from genuine users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recbench.contracts import Metric, Outcome
from recbench.evaluation import detection


@dataclass(frozen=True)
class DetectionMetric(Metric):
    """Average precision, ROC-AUC, recall at fixed false-positive rates, and the counts of the own threshold.

    Without fakes `genuine-removed` and the accuracy say what the defense costs in peace, and the precision is 0, since
    none of those removed was one; the rest is undefined.

    Args:
        fpr: the false-positive rates.
    """

    fpr: tuple[float, ...] = (0.01, 0.05)

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        if outcome.detection is None:
            return {}
        suspicion, removed, fake = outcome.detection.suspicion, outcome.detection.removed, outcome.detection.fake
        values: dict[str, float | None] = {}
        if fake.any():
            values["detection-ap"] = detection.average_precision(suspicion, fake)
            values["detection-auc"] = detection.roc_auc(suspicion, fake)
            for fpr in self.fpr:
                values[f"detection-recall@fpr{fpr:g}"] = detection.recall_at_fpr(suspicion, fake, fpr)
        if removed is not None:
            removal = detection.Removal.of(removed, fake)
            values |= {
                "detection-precision": removal.precision,
                "detection-recall": removal.recall,
                "detection-f1": removal.f1,
                "detection-accuracy": removal.accuracy,
                "genuine-removed": removal.genuine_share,
            }
        return {name: value for name, value in values.items() if value is not None}
