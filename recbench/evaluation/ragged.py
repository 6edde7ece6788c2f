"""Reading several lists of a ragged array at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def entries(indptr: NDArray[np.int64], lists: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The entries of `lists`, one list after the other.

    Returns:
        For each entry the position of its list in `lists`, and its own position in the ragged array.
    """
    starts = indptr[lists]
    lengths = indptr[lists + 1] - starts
    ends = np.cumsum(lengths)
    rows = np.repeat(np.arange(len(lists)), lengths)
    return rows, np.arange(len(rows)) + (starts - ends + lengths)[rows]
