"""What an attack wants and what it may spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.errors import DataError


@dataclass(frozen=True)
class RatingScale:
    """The grid of admissible ratings: `low`, `low + step`, …, `high`.

    Raises:
        DataError: `high` is not some steps above `low`.
    """

    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        steps = (self.high - self.low) / self.step if self.step > 0 else 0.0
        if steps < 1 or abs(steps - round(steps)) > 1e-6:
            raise DataError(f"a rating scale from {self.low:g} to {self.high:g} is not made of steps of {self.step:g}")

    def round(self, ratings: NDArray[np.floating]) -> NDArray[np.float32]:
        """The nearest admissible rating of each, clipped to the scale."""
        # In double precision: single misses its own grid where the steps are fine.
        clipped = np.clip(np.asarray(ratings, dtype=np.float64), self.low, self.high)
        steps = np.rint((clipped - self.low) / self.step)
        return np.asarray(self.low + steps * self.step, dtype=np.float32)

    def holds(self, ratings: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether each rating is admissible (to 1e-4 of a step)."""
        distance = np.abs(self.round(ratings) - np.asarray(ratings, dtype=np.float32))
        return np.asarray(distance <= 1e-4 * self.step)


@dataclass(frozen=True, eq=False)
class Budget:
    """What fake profiles may hold. The harness draws it and checks it; nothing is clipped silently.

    Args:
        sizes: int64 [m], the largest number of interactions of each fake profile, **targets counted**.
            The harness draws them from the genuine users' training lengths: a constant length alone
            would give every attack away.
        n_items: size of the catalogue.
        scale: the rating grid, or None for implicit feedback (profiles then hold no ratings).
    """

    sizes: NDArray[np.int64]
    n_items: int
    scale: RatingScale | None = None

    def __post_init__(self) -> None:
        # A copy that nobody can write to: profiles are held against it after the attacker has had it.
        sizes = np.array(self.sizes, dtype=np.int64)
        sizes.flags.writeable = False
        object.__setattr__(self, "sizes", sizes)

    @property
    def n_profiles(self) -> int:
        return len(self.sizes)
