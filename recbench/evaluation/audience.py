"""`Audience`: whom a scorer is asked about, and in what order, without telling it who is genuine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.seeds import numpy_rng


@dataclass(frozen=True, eq=False)
class Audience:
    """Every user of the training data, fakes included, in the order in which their scores are asked for.

    Args:
        users: int64 [a], ids as the scorer knows them.
        rows: int64 [a], the clean number of each user, -1 for a fake. The genuine users are numbered
            0..n-1, each once.

    Raises:
        ValueError: arrays of different lengths, or genuine users that are not numbered 0..n-1.
    """

    users: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.users.ndim != 1 or self.users.shape != self.rows.shape:
            raise ValueError(f"users {self.users.shape} and rows {self.rows.shape} must be two lists of one length")
        genuine = np.sort(self.rows[self.rows >= 0])
        if not np.array_equal(genuine, np.arange(len(genuine))):
            raise ValueError("rows must number the genuine users 0..n-1, each once, and the fakes -1")

    @property
    def n_genuine(self) -> int:
        return int(np.count_nonzero(self.rows >= 0))

    @classmethod
    def shuffled(cls, ids: NDArray[np.integer], n_genuine: int, seed: int) -> Audience:
        """Everybody in an order that tells nothing.

        Args:
            ids: [n + m], the scorer's id of every user in injected order: genuine 0..n-1, then fakes.
            n_genuine: n.
            seed: decides the order.
        """
        order = numpy_rng(seed, "audience").permutation(len(ids))
        return cls(np.asarray(ids, dtype=np.int64)[order], np.where(order < n_genuine, order, -1))
