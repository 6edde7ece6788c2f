"""Where items stand in lists, for many lists at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recbench.data.interactions import Histories

TABLE = 1 << 17
"""Entries of the table that is looked up in: half a MiB, which stays in a processor's cache, whatever the catalogue."""


def places(wanted: NDArray[np.integer], lists: Histories) -> NDArray[np.int32]:
    """The place [n, K], from 0, of each wanted item in its row's list; -1 where it is not there.

    Args:
        wanted: [n, K] items, -1 is no item.
        lists: n lists of items without repetition.
    """
    n = len(lists)
    # Nobody has the last item: -1 reads it, a row up.
    width = 2 + int(max(wanted.max(initial=0), lists.items.max(initial=0)))
    step = max(TABLE // width, 1)
    table = np.full(step * width, -1, dtype=np.int32)
    found = np.empty(wanted.shape, dtype=np.int32)
    rows, indptr = lists.rows, lists.indptr
    place = np.arange(len(rows), dtype=np.int32) - indptr[rows].astype(np.int32)
    for first in range(0, n, step):
        last = min(first + step, n)
        entries = slice(indptr[first], indptr[last])
        filled = (rows[entries] - first) * width + lists.items[entries]
        table[filled] = place[entries]
        table.take(np.arange(last - first)[:, None] * width + wanted[first:last], out=found[first:last], mode="wrap")
        table[filled] = -1
    return found


def histories_of(lists: NDArray[np.int32]) -> Histories:
    """Padded lists [n, K] (-1 is no item and comes last) without their padding."""
    there = lists >= 0
    return Histories(np.concatenate([[0], np.cumsum(np.count_nonzero(there, axis=1))]), lists[there])
