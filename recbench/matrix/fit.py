"""Stage `fit`: train a victim on what it is given and keep how it ranks, not the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Protected, Ratings, RuleViolation, Scorer
from recbench.errors import InvalidScores
from recbench.evaluation.ranking import rank
from recbench.matrix.injection import Poisoned
from recbench.matrix.instances import instance, recommender_of
from recbench.matrix.measure import measured
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import context, fit_seed, poison, tie_seed
from recbench.store import MEASURED, Artifact

TOP = 100
"""Length of the lists that are kept."""


@measured
def fit(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Fit and rank.

    Args:
        arguments: `recommender` (spec), `training` (spec of the robust training, or None), `dataset`,
            `seed`, `replica`, `device`, `threads`.
        inputs: `prepared`; `profiles` where there is an attack; `verdict` where a detector removed someone; `examples`
            where the robust training learns from some.

    Returns:
        Of the n genuine users: `top` int32 [n, 100], `target_ranks` and `target_scores` [n, groups *
        count], `candidates` [n]. Where the training judged users, `suspicion` [n + m] in injected
        order; on the explicit track, where the model predicts ratings, `predicted` [test]. Where the training proved
        something, `certified` [n, e], with `k` and `confidence` as `certificate` in the metadata.

    Raises:
        RuleViolation: a model without scores; scores, predictions or suspicion that are not finite or of a
            wrong shape; a certificate that does not hold against the data.
    """
    prepared = Prepared.of(inputs["prepared"])
    poisoned = poison(prepared, inputs.get("profiles"), arguments["replica"])
    train = poisoned.data
    if "verdict" in inputs:
        train = poisoned.without(~inputs["verdict"].arrays["keep"])
    seed = fit_seed(arguments, arguments["recommender"]["name"])
    recommender = recommender_of(arguments["recommender"], seed)
    surroundings = context(prepared, poisoned, arguments, seed, inputs.get("examples"))
    if arguments["training"] is None:
        protected = Protected(recommender.fit(train, surroundings))
    else:
        protected = instance(arguments["training"]).fit(recommender, train, surroundings)
        if not isinstance(protected, Protected):
            raise RuleViolation(f"robust training returned {type(protected).__name__}; expected Protected")
    if not isinstance(protected.scorer, Scorer):
        raise RuleViolation(f"fit returned {type(protected.scorer).__name__}, which has no score; return a Scorer")

    targets = prepared.targets.ravel()
    ranking = rank(
        protected.scorer, poisoned.audience, prepared.consumed, train.n_items, targets, TOP, tie_seed(arguments)
    )
    arrays = {name: getattr(ranking, name) for name in ("top", "target_ranks", "target_scores", "candidates")}
    if protected.suspicion is not None:
        arrays["suspicion"] = _suspicion(protected, poisoned)
    # What robust training makes of a model need not predict ratings: a vote ranks.
    predicts = arguments["training"] is None or isinstance(protected.scorer, Ratings)
    if prepared.scale is not None and "ratings" in arguments["recommender"]["provides"] and predicts:
        arrays["predicted"] = _predicted(protected.scorer, prepared, poisoned)
    meta: dict[str, Any] = {MEASURED: {"interactions": len(train)}}
    if (certificate := protected.certificate) is None:
        return Artifact(arrays, meta)
    certificate.check(train.n_users)
    arrays["certified"] = np.asarray(certificate.kept)[poisoned.public_id[: poisoned.n_genuine]].astype(np.int32)
    return Artifact(arrays, meta | {"certificate": {"k": certificate.k, "confidence": certificate.confidence}})


def _suspicion(protected: Protected, poisoned: Poisoned) -> NDArray[np.float64]:
    suspicion = np.asarray(protected.suspicion, dtype=np.float64)
    if suspicion.shape != poisoned.public_id.shape:
        raise RuleViolation(f"suspicion of shape {suspicion.shape}; expected {poisoned.public_id.shape}")
    if not np.isfinite(suspicion).all():
        raise RuleViolation("suspicion holds values that are not finite")
    return suspicion[poisoned.public_id]


def _predicted(scorer: Scorer, prepared: Prepared, poisoned: Poisoned) -> NDArray[np.float64]:
    """Predictions for the genuine test ratings, in their order."""
    if not isinstance(scorer, Ratings):
        raise RuleViolation(f"the recommender declares 'ratings'; {type(scorer).__name__} has no predict")
    test = prepared.split.test
    predicted = np.asarray(scorer.predict(poisoned.public_id[test.users], test.items), dtype=np.float64)
    if predicted.shape != (len(test),):
        raise InvalidScores(f"predict gave shape {predicted.shape}; expected ({len(test)},)")
    if not np.isfinite(predicted).all():
        raise InvalidScores("predict gave values that are not finite")
    return predicted
