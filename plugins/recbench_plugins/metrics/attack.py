"""What the attack did to its targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import PositiveInt

from recbench.contracts import Metric, Outcome
from recbench.evaluation import exposure


@dataclass(frozen=True)
class AttackMetric(Metric):
    """Rank gain in bits, percentile shift, prediction shift, exposure and its lift over the clean twin.

    Prediction shift is in deviations of the scores of a user's candidates.

    Means over targets of means over each target's eligible genuine users; targets without any are left
    out and counted as `targets-left-out`. Positive is promotion.

    Args:
        k: the cut-offs of exposure.
    """

    k: tuple[PositiveInt, ...] = (10, 20, 50, 100)

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        attacked, clean, eligible = outcome.ranking, outcome.clean, outcome.eligible
        values: dict[str, float | None] = {"targets-left-out": float(np.count_nonzero(~eligible.any(axis=0)))}
        for k in self.k:
            hits = exposure.exposure_hit_ratio(attacked, eligible, k)
            gains = exposure.exposure_ndcg(attacked, eligible, k)
            values |= {f"exposure-hr@{k}": exposure.macro(hits), f"exposure-ndcg@{k}": exposure.macro(gains)}
            if clean is not None:
                values[f"lift-hr@{k}"] = exposure.macro(hits - exposure.exposure_hit_ratio(clean, eligible, k))
                values[f"lift-ndcg@{k}"] = exposure.macro(gains - exposure.exposure_ndcg(clean, eligible, k))
        if clean is not None:
            values["rank-gain"] = exposure.macro(exposure.rank_gain(clean, attacked, eligible))
            values["percentile-shift"] = exposure.macro(exposure.percentile_shift(clean, attacked, eligible))
            values["prediction-shift"] = exposure.macro(exposure.prediction_shift(clean, attacked, eligible))
        return {name: value for name, value in values.items() if value is not None}
