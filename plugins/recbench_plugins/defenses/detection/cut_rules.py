"""From a ranking of users by suspicion to whom to remove: the rules that need no attack size.

- `target-lift`, cut T: those of the most suspicious who hold an item that suspects hold by far too often, see there.
- `mixture`, cut M: those of a second, small and well-separated component of the suspicions, if there is one.
- `share`, cut Q: a declared share of the users, whoever they are. On clean data that is what it costs.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from recbench.data import Interactions
from recbench_plugins.defenses.detection import target_lift

Cut = Literal["target-lift", "mixture", "share"]

SHARE = 0.05
"""Of the users, whom cut Q removes."""
EVIDENCE = 10.0
"""By how much two components must improve the Bayesian information criterion."""
DISTANCE = 2.0
"""Ashman's D, from which two Gaussians are apart (Ashman, Bird, Zepf, Astronomical Journal 1994)."""
MINORITY = 0.25
"""Share of the users below which the suspicious component must stay."""


def kept(cut: Cut, train: Interactions, suspicion: NDArray[np.floating[Any]], threshold: float) -> NDArray[np.bool_]:
    """Who stays, bool [n_users]. `threshold` is read by cut T alone."""
    if cut == "target-lift":
        return target_lift.kept(train, suspicion, threshold)
    return kept_by_mixture(suspicion) if cut == "mixture" else kept_by_share(suspicion)


def kept_by_mixture(suspicion: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Everyone but those whom the upper of two Gaussians explains better.

    They are fitted to the inverse hyperbolic sine: straight in the middle, a logarithm in the tails.

    Everyone stays unless the two improve on one by a BIC of 10, lie Ashman's D = √2 |μ₁ - μ₂| / √(σ₁² + σ₂²) > 2 apart,
    and the upper one has a weight below 25%.
    """
    low, middle, high = np.percentile(suspicion, [25, 50, 75])
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        return np.ones(len(suspicion), dtype=np.bool_)
    points = np.arcsinh((suspicion - middle) / (high - low))[:, None]
    # In ascending order, so that the fit does not depend on the order of users.
    ordered = np.sort(points, axis=0)
    one = GaussianMixture(1, random_state=0).fit(ordered)
    tail = ordered[-max(2, round(SHARE * len(ordered))) :]
    precisions = 1 / np.maximum([ordered.var(), tail.var()], 1e-6)
    two = GaussianMixture(
        2,
        weights_init=[1 - SHARE, SHARE],
        means_init=[[ordered.mean()], [tail.mean()]],  # k-means, the library's start, would halve the bulk
        precisions_init=precisions[:, None, None],
        random_state=0,
    ).fit(ordered)
    upper = int(np.argmax(two.means_[:, 0]))
    gap, spread = np.ptp(two.means_), np.sqrt(two.covariances_.sum())
    apart = one.bic(ordered) - two.bic(ordered) > EVIDENCE and np.sqrt(2) * gap / spread > DISTANCE
    if not apart or two.weights_[upper] >= MINORITY:
        return np.ones(len(suspicion), dtype=np.bool_)
    # Only above the mean of the others: a wide component also claims what lies below a narrow one.
    beyond = points[:, 0] > two.means_[1 - upper, 0]
    return np.asarray(~((two.predict_proba(points)[:, upper] > 0.5) & beyond))


def kept_by_share(suspicion: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Everyone but the 5% most suspicious; who is as suspicious as the first who stays, stays."""
    allowed = int(SHARE * len(suspicion))
    return np.asarray(suspicion <= np.sort(suspicion)[len(suspicion) - 1 - allowed])
