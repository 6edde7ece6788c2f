"""`Metric`: from what a cell left behind to named numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.profiles import Profiles
from recbench.data.interactions import Histories, Interactions

if TYPE_CHECKING:
    from recbench.contracts.defense import Certificate
    from recbench.contracts.threat import RatingScale


@dataclass(frozen=True, eq=False)
class Ranking:
    """How one fitted model ranks, for every **genuine** user in the clean numbering 0..n-1.

    Candidates of a user are all items that the user has not interacted with in train or validation.

    Args:
        top: int32 [n, K], the best candidates, best first, -1 where a user has fewer.
        target_ranks: int32 [n, t], the rank of each target among the user's candidates, 1 is the top;
            0 where the target is no candidate of the user.
        target_scores: float32 [n, t], the targets' scores, standardized by the mean and deviation of
            the scores of each user's candidates; 0 where the target is no candidate of the user, and
            where all candidates have one score.
        candidates: int32 [n], how many candidates each user has.
    """

    top: NDArray[np.int32]
    target_ranks: NDArray[np.int32]
    target_scores: NDArray[np.float32]
    candidates: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Detection:
    """What a defense said of the users of the poisoned data, in injected order: genuine 0..n-1, then fakes.

    Args:
        suspicion: float [n + m], higher is more suspicious.
        removed: bool [n + m], removed from training by the detector's own threshold; None where it removes nobody.
        fake: bool [n + m], the truth.
    """

    suspicion: NDArray[np.floating[Any]]
    removed: NDArray[np.bool_] | None
    fake: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that a metric may read of one cell.

    Args:
        ranking: of the victim as attacked and defended.
        clean: of its twin, the same recommender, split and seed without attack and without defense;
            None where the twin failed.
        train: the genuine training data (clean numbering).
        test: every genuine user's test items [n lists].
        targets: int32 [t]; column `j` of the rankings' target arrays is `targets[j]`.
        eligible: bool [n, t], the user has not interacted with the target in any split. The same set
            for every attack and defense.
        profiles: what was injected; empty for the clean run.
        detection: where the defense judged users, else None.
        predicted, actual: float [r], predicted and true ratings of the genuine test interactions,
            where the victim predicts ratings, else None.
        scale: the rating grid, or None on the implicit track.
        certificate: what the defense proved of the genuine users' lists, in the clean numbering, else None.
    """

    ranking: Ranking
    clean: Ranking | None
    train: Interactions
    test: Histories
    targets: NDArray[np.int32]
    eligible: NDArray[np.bool_]
    profiles: Profiles
    detection: Detection | None = None
    predicted: NDArray[np.floating[Any]] | None = None
    actual: NDArray[np.floating[Any]] | None = None
    scale: RatingScale | None = None
    certificate: Certificate | None = None


class Metric(ABC):
    """A family of numbers; a frozen dataclass of settings such as the cut-offs."""

    @abstractmethod
    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        """Values by name, such as `{"ndcg@10": 0.41}`; a value that is undefined for the outcome is left out."""
