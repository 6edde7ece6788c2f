"""How well fake users are told from genuine ones, at an attack size that the detector does not know.

`suspicion` [n] is higher for the more suspicious, `fake` bool [n] the truth; equal suspicion is one
threshold, so the order of users never matters. Nothing here uses the true number of fakes to cut.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Suspicion = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


class Thresholds(NamedTuple):
    """Of every distinct suspicion, highest first: how many fakes and how many genuine users reach it."""

    fakes: NDArray[np.int64]
    genuine: NDArray[np.int64]

    @classmethod
    def of(cls, suspicion: Suspicion, fake: Flags) -> Thresholds:
        order = np.argsort(-suspicion, kind="stable")
        last = np.flatnonzero(np.append(np.diff(suspicion[order]) != 0, True))
        fakes = np.cumsum(fake[order], dtype=np.int64)[last]
        return cls(fakes, last + 1 - fakes)


def percentiles(suspicion: Suspicion, n_genuine: int) -> NDArray[np.float64]:
    """For each fake [m], the share of the genuine users who are less suspicious, ties a half.

    Args:
        suspicion: [n_genuine + m], genuine users first.
        n_genuine: at least 1.
    """
    genuine, fakes = np.sort(suspicion[:n_genuine]), suspicion[n_genuine:]
    return np.asarray(_twice_passed(genuine, fakes) / 2 / n_genuine)


def _twice_passed(genuine: Suspicion, fakes: Suspicion) -> NDArray[np.int64]:
    """Twice the number of genuine users, sorted, who are less suspicious than each fake, ties a half: whole numbers."""
    return np.searchsorted(genuine, fakes, "left") + np.searchsorted(genuine, fakes, "right")


def average_precision(suspicion: Suspicion, fake: Flags) -> float:
    """The sum over thresholds of the gain in recall times precision; no interpolation. Chance is the share of fakes."""
    fakes, genuine = Thresholds.of(suspicion, fake)
    return float(np.sum(np.diff(fakes, prepend=0) / fakes[-1] * fakes / (fakes + genuine)))


def roc_auc(suspicion: Suspicion, fake: Flags) -> float:
    """The chance that a fake is more suspicious than a genuine user, ties a half."""
    genuine, fakes = np.sort(suspicion[~fake]), suspicion[fake]
    return float(_twice_passed(genuine, fakes).sum() / 2 / (len(fakes) * len(genuine)))


def recall_at_fpr(suspicion: Suspicion, fake: Flags, fpr: float) -> float:
    """The share of fakes found at the threshold that at most floor(fpr * genuine) genuine users reach."""
    fakes, genuine = Thresholds.of(suspicion, fake)
    allowed = genuine <= np.floor(fpr * genuine[-1] + 1e-9)
    return float(fakes[allowed].max(initial=0) / fakes[-1])


class Removal(NamedTuple):
    """Counts of what a detector's own threshold removed."""

    removed_fakes: int
    removed_genuine: int
    fakes: int
    genuine: int

    @classmethod
    def of(cls, removed: Flags, fake: Flags) -> Removal:
        fakes = int(fake.sum())
        return cls(int((removed & fake).sum()), int((removed & ~fake).sum()), fakes, len(fake) - fakes)

    @property
    def precision(self) -> float | None:
        """Undefined where nobody is removed."""
        removed = self.removed_fakes + self.removed_genuine
        return self.removed_fakes / removed if removed else None

    @property
    def recall(self) -> float | None:
        """Undefined without fakes."""
        return self.removed_fakes / self.fakes if self.fakes else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall, 0 where no fake is removed; undefined without fakes."""
        found = 2 * self.removed_fakes
        return found / (self.removed_fakes + self.removed_genuine + self.fakes) if self.fakes else None

    @property
    def accuracy(self) -> float:
        """The share of users judged rightly."""
        right = self.removed_fakes + self.genuine - self.removed_genuine
        return right / (self.fakes + self.genuine)

    @property
    def genuine_share(self) -> float:
        """The share of genuine users removed: what the defense costs, also where there is no attack."""
        return self.removed_genuine / self.genuine
