"""`FitContext`: what a recommender or a defense is given beside the training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.profiles import Profiles
from recbench.data.catalog import Catalog

if TYPE_CHECKING:
    from recbench.contracts.recommender import Scorer


@dataclass(frozen=True, eq=False)
class Examples:
    """What a supervised detector learns from: labelled profiles of a development split, whose fakes were
    made for other targets by other attack families. Append them to the data, and drop them again.

    Args:
        profiles: genuine and fake users, over the items of the training data.
        fake: bool [len(profiles)], the label of each.
    """

    profiles: Profiles
    fake: NDArray[np.bool_]


@dataclass(frozen=True)
class FitContext:
    """The surroundings of one fit.

    Args:
        seed: the only source of randomness; derive streams from it with `recbench.seeds`.
        device: a torch device string; tensors are made there.
        threads: how many threads the fit may use.
        catalog: what is known of the items.
        validate: the quality of a scorer on held-out validation interactions, higher is better
            (NDCG@10 over genuine users), or None where there is nothing to validate on: then train
            for the full number of epochs. It asks for the scores of every user in the training data,
            in shuffled order, so it does not tell which users have validation rows.
        examples: labelled profiles, for a defense that declares to be supervised; else None.
    """

    seed: int
    device: str = "cpu"
    threads: int = 1
    catalog: Catalog = field(default_factory=Catalog)
    validate: Callable[[Scorer], float] | None = None
    examples: Examples | None = None
