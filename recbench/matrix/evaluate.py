"""Stage `evaluate`: from what a cell left behind to its metrics. Cheap, and repeated at will."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Certificate, Detection, Metric, Outcome, Ranking, RuleViolation
from recbench.matrix.instances import instance
from recbench.matrix.measure import measured
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import profiles_of
from recbench.store import Artifact


@measured
def evaluate(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Compute every metric of the suite.

    Args:
        arguments: `metrics` (specs) and the cell's target `group`.
        inputs: `prepared` and `fit`; `clean`, the fit of the twin without attack and defense, where it
            succeeded; `profiles` and `verdict` where there are any.

    Returns:
        No arrays; `metrics` by name in the metadata.

    Raises:
        RuleViolation: a metric that is not finite, or two metrics of one name.
    """
    outcome = outcome_of(Prepared.of(inputs["prepared"]), inputs, arguments["group"])
    metrics = [(spec["name"], instance(spec)) for spec in arguments["metrics"]]
    return Artifact(meta={"metrics": metrics_of(outcome, metrics)})


def metrics_of(outcome: Outcome, metrics: Iterable[tuple[str, Metric]]) -> dict[str, float]:
    """Every value by its name; `metrics` with theirs, which several variants of one share.

    Raises:
        RuleViolation: a metric that is not finite, or two metrics of one name.
    """
    values: dict[str, float] = {}
    for label, metric in metrics:
        for name, value in metric(outcome).items():
            if name in values:
                raise RuleViolation(f"metric '{label}' computes '{name}', as another metric does")
            if not math.isfinite(value):
                raise RuleViolation(f"metric '{label}': {name} is {value}")
            values[name] = float(value)
    return values


def outcome_of(prepared: Prepared, inputs: Mapping[str, Artifact], group: int) -> Outcome:
    """What metrics are shown of a cell whose data set has been prepared; `inputs` as of `evaluate`."""
    targets = prepared.targets[group]
    columns = slice(group * len(targets), (group + 1) * len(targets))
    fitted = inputs["fit"]
    predicted = fitted.arrays.get("predicted")
    return Outcome(
        ranking=_ranking(fitted, columns),
        clean=_ranking(inputs["clean"], columns) if "clean" in inputs else None,
        train=prepared.train,
        test=prepared.split.test.histories,
        targets=targets,
        eligible=prepared.eligible(targets),
        profiles=profiles_of(inputs.get("profiles")),
        detection=_detection(inputs, prepared.train.n_users),
        predicted=predicted,
        actual=None if predicted is None else prepared.split.test.ratings,
        scale=prepared.scale,
        # A proof about the training says nothing of whom fakes would make a detector before it remove.
        certificate=None if "verdict" in inputs else _certificate(fitted),
    )


def _certificate(fitted: Artifact) -> Certificate | None:
    if "certified" not in fitted.arrays:
        return None
    return Certificate(kept=fitted.arrays["certified"], **fitted.meta["certificate"])


def _ranking(fitted: Artifact, columns: slice) -> Ranking:
    arrays = fitted.arrays
    return Ranking(
        arrays["top"], arrays["target_ranks"][:, columns], arrays["target_scores"][:, columns], arrays["candidates"]
    )


def _detection(inputs: Mapping[str, Artifact], n_genuine: int) -> Detection | None:
    """What the detector said, or else what robust training did."""
    removed: NDArray[np.bool_] | None = None
    if "verdict" in inputs:
        suspicion = inputs["verdict"].arrays["suspicion"]
        removed = ~inputs["verdict"].arrays["keep"]
    elif "suspicion" in inputs["fit"].arrays:
        suspicion = inputs["fit"].arrays["suspicion"]
    else:
        return None
    return Detection(suspicion, removed, np.arange(len(suspicion)) >= n_genuine)
