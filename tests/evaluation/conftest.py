"""Small worlds to rank in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from recbench.data.interactions import Histories


@dataclass
class Table:
    """A scorer that reads a matrix of scores, and remembers whom it was asked about."""

    scores: NDArray

    def __post_init__(self) -> None:
        self.asked: list[int] = []

    def score(self, users: NDArray[np.integer]) -> NDArray:
        self.asked += users.tolist()
        return self.scores[users]


@pytest.fixture(scope="session")
def lists() -> Callable[[Sequence[Sequence[int]]], Histories]:
    """Histories from lists of item lists."""

    def build(rows: Sequence[Sequence[int]]) -> Histories:
        indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        return Histories(indptr, np.array([item for row in rows for item in row], dtype=np.int32))

    return build


@pytest.fixture(scope="session")
def table() -> type[Table]:
    return Table
