"""Users as points in the space of their shilling attributes, for detectors of outliers in general."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Verdict
from recbench.data import Interactions
from recbench_plugins.defenses.detection.cut_rules import Cut, kept
from recbench_plugins.defenses.detection.shilling_attributes import shilling_attributes

Array = NDArray[np.float64]
Outlyingness = Callable[[Array], NDArray[np.floating[Any]]]
"""From points [m, k] to how far out each lies [m]."""

DECIMALS = 8
"""Attributes are rounded to so many before users are put in order: sums differ by less from order to order."""


def judge(train: Interactions, outlyingness: Outlyingness, cut: Cut, threshold: float) -> Verdict:
    """Suspicion is how far out a user lies; who has no interaction cannot be judged and is the least suspicious."""
    active = np.flatnonzero(train.user_counts)
    suspicion = np.zeros(train.n_users)
    if len(active) > 1:
        attributes = np.column_stack(list(shilling_attributes(train).values()))[active]
        points, order = attribute_points(attributes)
        if points.shape[1]:  # else all are alike
            suspicion[active[order]] = outlyingness(points)
        suspicion[train.user_counts == 0] = suspicion[active].min()
    return Verdict(suspicion, kept(cut, train, suspicion, threshold))


def attribute_points(attributes: Array) -> tuple[Array, NDArray[np.intp]]:
    """Attributes [m, a] as decorrelated points [m, k <= a], and the user of each point [m].

    Each attribute is scaled robustly (median, quartiles), its tails are shortened by a signed logarithm, and the whole
    is whitened: RDMA, WDMA and WDA say one thing three times, and an unusual combination of usual values is an outlier
    too. Points stand in the order of their values: forests draw samples by position and solvers stop early, and
    neither may depend on user ids.
    """
    low, middle, high = np.percentile(attributes, [25, 50, 75], axis=0)
    floor = 1e-9 * np.abs(attributes).max(axis=0) + 1e-15  # below it are errors of rounding
    spread = np.where(high - low > floor, high - low, attributes.std(axis=0))
    scaled = (attributes - middle) / np.where(spread > floor, spread, np.inf)
    scaled = np.round(np.sign(scaled) * np.log1p(np.abs(scaled)), DECIMALS)
    order = np.lexsort(scaled.T)
    scaled = scaled[order]
    left, values, _ = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    return left[:, values > 1e-6 * max(values[0], 1.0)] * np.sqrt(len(scaled)), order
