"""What a recommender or a defense is given beside the poisoned data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbench.contracts import FitContext, Profiles, Ratings, Scorer
from recbench.evaluation.ranking import validation_quality
from recbench.evaluation.ratings import validation_error
from recbench.matrix.injection import Poisoned, inject
from recbench.matrix.prepared import Prepared
from recbench.seeds import derive_seed
from recbench.store import Artifact


def profiles_of(artifact: Artifact | None) -> Profiles:
    """The profiles of a crafted artifact; empty for the clean run."""
    if artifact is None:
        return Profiles.empty()
    return Profiles(artifact.arrays["indptr"], artifact.arrays["items"], artifact.arrays.get("ratings"))


def poison(prepared: Prepared, crafted: Artifact | None, replica: int) -> Poisoned:
    """Inject what was crafted. The permutation of users depends on what is injected and on the replica."""
    seed = derive_seed(0, "injection", prepared.digest, crafted.digest if crafted else "clean", replica)
    profiles = profiles_of(crafted)
    templates = crafted.arrays["templates"] if crafted else profiles.indptr[:0]
    return inject(prepared.train, profiles, templates, seed)


def context(
    prepared: Prepared,
    poisoned: Poisoned,
    arguments: Mapping[str, Any],
    seed: int,
    simulated: Artifact | None = None,
) -> FitContext:
    """The surroundings of one fit or inspection.

    Args:
        prepared, poisoned: the data.
        arguments: the stage's, for `device`, `threads`, and `dataset` and `seed` for breaking ties.
        seed: of the fit; derived from data set, split seed and component, never from attack or defense.
        simulated: what a supervised defense learns from.
    """
    split = prepared.split
    ties = tie_seed(arguments)

    def validate(scorer: Scorer) -> float:
        if prepared.scale is not None and isinstance(scorer, Ratings):
            return -validation_error(scorer, poisoned.audience, split.validation, prepared.scale)
        return validation_quality(
            scorer, poisoned.audience, split.train.histories, split.train.n_items, split.validation.histories, ties
        )

    return FitContext(
        seed=seed,
        device=arguments["device"],
        threads=arguments["threads"],
        catalog=prepared.catalog,
        validate=validate if len(split.validation) else None,
        examples=None if simulated is None else profiles_of(simulated),
    )


def tie_seed(arguments: Mapping[str, Any]) -> int:
    """The seed for breaking ties between items: one a split, so that clean twins are paired."""
    return derive_seed(arguments["seed"], "ties", arguments["dataset"])


def fit_seed(arguments: Mapping[str, Any], recommender: str) -> int:
    """The seed of a victim's fit: of data set, split seed and recommender alone, so that clean twins are paired."""
    return derive_seed(arguments["seed"], "fit", arguments["dataset"], recommender)
