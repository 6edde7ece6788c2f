"""One trial, in a worker: fit as a run would, and ask the validation part how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from recbench.contracts import Ratings, RuleViolation, Scorer
from recbench.evaluation.ratings import clipped, rmse
from recbench.matrix.injection import Poisoned
from recbench.matrix.instances import instance
from recbench.matrix.measure import measured
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import context, fit_seed, poison
from recbench.store import Artifact

Measure = Literal["ndcg@10", "rmse"]
"""What is searched for: the best ranking, or on the explicit track the least error of predicted ratings."""


@measured
def trial(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Fit to the training part and measure on the validation part.

    Args:
        arguments: those of the stage `fit`, and `measure`.
        inputs: `prepared`, whose test part is empty.

    Returns:
        No arrays; `quality` in the metadata, higher is better: an error is negative.

    Raises:
        RuleViolation: scores or predictions that are not what they must be.
    """
    prepared = Prepared.of(inputs["prepared"])
    poisoned = poison(prepared, None, replica=0)
    surroundings = context(prepared, poisoned, arguments, fit_seed(arguments, arguments["recommender"]["name"]))
    scorer = instance(arguments["recommender"]).fit(poisoned.data, surroundings)
    if arguments["measure"] == "rmse":
        return Artifact(meta={"quality": -_error(scorer, prepared, poisoned)})
    assert surroundings.validate is not None
    return Artifact(meta={"quality": surroundings.validate(scorer)})


def _error(scorer: Scorer, prepared: Prepared, poisoned: Poisoned) -> float:
    """The root mean squared error of the predicted validation ratings."""
    if not isinstance(scorer, Ratings):
        raise RuleViolation(f"the recommender declares 'ratings'; {type(scorer).__name__} has no predict")
    validation = prepared.split.validation
    assert prepared.scale is not None
    assert validation.ratings is not None
    predicted = np.asarray(scorer.predict(poisoned.public_id[validation.users], validation.items))
    return rmse(clipped(predicted, prepared.scale), validation.ratings)
