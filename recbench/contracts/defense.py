"""The two kinds of defense. Each receives exactly the poisoned data: no label, no attack size, no clean copy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recbench.errors import RuleViolation

if TYPE_CHECKING:
    from recbench.contracts.context import FitContext
    from recbench.contracts.recommender import Recommender, Scorer
    from recbench.data.interactions import Interactions


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a detector says of every user.

    Args:
        suspicion: float [n_users], finite, higher is more suspicious.
        keep: bool [n_users], the users whose interactions are trained on, by the detector's own threshold.
    """

    suspicion: NDArray[np.floating[Any]]
    keep: NDArray[np.bool_]

    def check(self, n_users: int) -> None:
        """Hold the verdict against the data.

        Raises:
            RuleViolation: wrong shape or type, suspicion that is not finite, nobody kept.
        """
        if np.shape(self.suspicion) != (n_users,) or np.shape(self.keep) != (n_users,):
            raise RuleViolation(
                f"verdict on {np.shape(self.suspicion)} and {np.shape(self.keep)}; expected ({n_users},) users"
            )
        if np.asarray(self.keep).dtype != np.bool_:
            raise RuleViolation(f"keep is {np.asarray(self.keep).dtype}; expected bool")
        if not np.isfinite(self.suspicion).all():
            raise RuleViolation("suspicion holds values that are not finite")
        if not np.any(self.keep):
            raise RuleViolation("the verdict removes every user")


class Sanitizer(ABC):
    """A detector whose verdict filters the training data (capability `sanitizer`)."""

    @abstractmethod
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        """Judge every user of the data as it arrived."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """How much of a user's list provably outlives fake users.

    It speaks of the `k` items that a scorer ranks first among those a user does not have in the training data; what
    the harness masks beyond them, validation items, is no part of the statement.

    Args:
        k: length of the lists.
        kept: int [n_users, e]; column j holds how many of each user's k items stay among its k first whatever rows
            j + 1 fake users add to the training data.
        confidence: the probability with which all of it holds, over the randomness of the training; 1 is certain.
    """

    k: int
    kept: NDArray[np.integer[Any]]
    confidence: float

    def check(self, n_users: int) -> None:
        """Hold the certificate against the data.

        Raises:
            RuleViolation: wrong shape or type, counts outside 0..k, counts that rise with the number of fakes.
        """
        kept = np.asarray(self.kept)
        if kept.ndim != 2 or len(kept) != n_users or not np.issubdtype(kept.dtype, np.integer):
            raise RuleViolation(f"kept is {kept.dtype} {kept.shape}; expected integers [{n_users}, e]")
        if kept.size and not 0 <= kept.min() <= kept.max() <= self.k:
            raise RuleViolation(f"kept reaches from {kept.min()} to {kept.max()}; lists hold {self.k} items")
        if (np.diff(kept, axis=1) > 0).any():
            raise RuleViolation("kept rises with the number of fakes; more fakes can do all that fewer can")
        if not 0 < self.confidence <= 1:
            raise RuleViolation(f"confidence is {self.confidence:g}; expected a probability above 0")


@dataclass(frozen=True, eq=False)
class Protected:
    """What robust training leaves behind.

    Args:
        scorer: the fitted model.
        suspicion: float [n_users] where the training judged users too, else None.
        certificate: where the training proves something of every user's list, else None.
    """

    scorer: Scorer
    suspicion: NDArray[np.floating[Any]] | None = None
    certificate: Certificate | None = None


class RobustTraining(ABC):
    """A way of training a recommender on data that may be poisoned (capability `robust-training`)."""

    @abstractmethod
    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        """Train `recommender`, which has the capabilities that the component requires."""


@dataclass(frozen=True)
class Pipeline(RobustTraining):
    """A detector, then robust training on the users whom it keeps.

    What an adaptive attack is shown where both are deployed; the matrix runs the two as stages of their own. There is
    no certificate: fakes may change whom the detector removes, of which a proof about the training says nothing.
    """

    detector: Sanitizer
    training: RobustTraining

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        verdict = self.detector.inspect(train, ctx)
        verdict.check(train.n_users)
        kept = train.select(verdict.keep[train.users])
        return Protected(self.training.fit(recommender, kept, ctx).scorer, verdict.suspicion)
