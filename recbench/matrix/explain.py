"""Stage `explain`: which fake profiles moved the targets, and where they stand among the genuine users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, svds

from recbench.contracts import Ranking
from recbench.data.interactions import Interactions
from recbench.evaluation.exposure import macro, rank_gain
from recbench.evaluation.ranking import rank
from recbench.matrix.injection import Poisoned
from recbench.matrix.instances import recommender_of
from recbench.matrix.measure import measured
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import context, fit_seed, poison, tie_seed
from recbench.seeds import numpy_rng
from recbench.store import Artifact

PARTS = 12
"""Into how many parts the profiles are taken at most: the victim is trained once without each."""


@measured
def explain(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Train the victim without each part of the profiles.

    The users stay, with nothing in them, so that the permutation of users is the same in every training.

    Args:
        arguments: `recommender` (spec), `dataset`, `seed`, `replica`, `device`, `threads`, and the target `group`.
        inputs: `prepared` and `profiles`.

    Returns:
        Of m profiles and n genuine users: `part` int64 [m], the part each profile is in, and `influence` float64
        [parts], the targets' rank gain in bits from the training without the part to the one with it. `plane`
        float32 [n + m, 2], the users' places on two principal axes, genuine ones first.
    """
    prepared = Prepared.of(inputs["prepared"])
    poisoned = poison(prepared, inputs["profiles"], arguments["replica"])
    n, m = poisoned.n_genuine, len(poisoned.public_id) - poisoned.n_genuine
    part = np.arange(m) * min(m, PARTS) // max(m, 1)
    attacked = _ranking(poisoned.data, prepared, poisoned, arguments)
    targets = prepared.targets[arguments["group"]]
    eligible = prepared.eligible(targets)
    influence = []
    for each in np.unique(part):
        train = poisoned.without(np.concatenate([np.zeros(n, np.bool_), part == each]))
        without = _ranking(train, prepared, poisoned, arguments)
        influence.append(macro(rank_gain(without, attacked, eligible)) or 0.0)
    plane = principal_plane(poisoned.data)[poisoned.public_id]
    return Artifact({"part": part, "influence": np.array(influence), "plane": plane})


def _ranking(train: Interactions, prepared: Prepared, poisoned: Poisoned, arguments: Mapping[str, Any]) -> Ranking:
    """How the victim ranks the group's targets after training on `train`."""
    seed = fit_seed(arguments, arguments["recommender"]["name"])
    scorer = recommender_of(arguments["recommender"], seed).fit(train, context(prepared, poisoned, arguments, seed))
    targets = prepared.targets[arguments["group"]]
    return rank(scorer, poisoned.audience, prepared.consumed, train.n_items, targets, 1, tie_seed(arguments))


def principal_plane(data: Interactions) -> NDArray[np.float32]:
    """Every user's items, as a row of length 1, on the two leading principal axes of all rows, [n_users, 2].

    The sign of an axis is such that its largest component is positive.
    """
    rows = data.csr.astype(np.float64)
    rows.data[:] = 1
    lengths = np.sqrt(np.maximum(np.diff(rows.indptr), 1))
    rows.data /= np.repeat(lengths, np.diff(rows.indptr))
    mean = np.asarray(rows.mean(axis=0)).ravel()
    centred = LinearOperator(
        rows.shape,
        matvec=lambda v: rows @ v.ravel() - mean @ v.ravel(),
        rmatvec=lambda w: rows.T @ w.ravel() - mean * w.sum(),
        dtype=np.float64,
    )
    if min(rows.shape) < 3:  # the iteration needs more axes than it is asked for
        found = np.linalg.svd(centred @ np.eye(rows.shape[1]), full_matrices=False).Vh
        axes = np.vstack([found, np.zeros_like(found)])[:2]
    else:
        start = numpy_rng(0, "plane").standard_normal(min(rows.shape))
        _, _, axes = svds(centred, k=2, v0=start)
        axes = axes[::-1]
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    return np.asarray(rows @ axes.T - axes @ mean, dtype=np.float32)
