"""Exact top-k of a block of scores, with ties decided by a given order of the items."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.floating[Any]]
"""Scores [b, width] of some users: one column an item, then columns of -inf up to the layout's width."""


@dataclass(frozen=True)
class Layout:
    """How the columns of a block are grouped: `depth` layers of `groups` columns, item `i` in group `i % groups`.

    The c best items lie in the c groups with the largest maxima. Maxima over layers run at the speed of
    memory and leave two selections among about sqrt(n_items * c) values in place of one among n_items.
    """

    k: int
    depth: int
    groups: int

    @classmethod
    def of(cls, n_items: int, k: int) -> Layout:
        """The layout for the `min(k, n_items)` best of `n_items`."""
        k = min(k, n_items)
        depth = max(1, min(isqrt(n_items // (k + 1)), 255))  # layers are counted in uint8
        return cls(k, depth, max(ceil(n_items / depth), k + 1))

    @property
    def width(self) -> int:
        return self.depth * self.groups

    def count(self, flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the flags [b, width] are set in each row."""
        layers = flags.view(np.uint8).reshape(len(flags), self.depth, self.groups)
        counts: NDArray[np.int64] = layers.sum(axis=1, dtype=np.uint8).sum(axis=1, dtype=np.int64)
        return counts

    def largest(self, block: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Columns and values [b, k + 1] of the k + 1 largest of each row, in no order; ties fall anyhow."""
        b, count = len(block), self.k + 1
        rows = np.arange(b)[:, None]
        maxima = block.reshape(b, self.depth, self.groups).max(axis=1)
        groups = np.argpartition(maxima, -count, axis=1)[:, -count:]
        columns = (groups[:, :, None] + np.arange(0, self.width, self.groups)).reshape(b, -1)
        values = np.take(block, columns + rows * self.width)
        best = np.argpartition(values, -count, axis=1)[:, -count:]
        return np.take_along_axis(columns, best, axis=1), np.take_along_axis(values, best, axis=1)


def top_k(block: Block, layout: Layout, place: NDArray[np.int32]) -> NDArray[np.int32]:
    """The best columns of each row, best first.

    Args:
        block: no NaN; -inf marks what is no candidate.
        layout: of the block.
        place: int32 [width], the items' places in a random order; among equal scores the earlier place wins.

    Returns:
        int32 [b, layout.k], -1 where a row has fewer candidates.
    """
    columns, values = _sorted(*layout.largest(block), place)
    boundary = values[:, -2]
    tied = np.flatnonzero((values[:, -1] == boundary) & (boundary > -np.inf))
    top, scores = columns[:, :-1], values[:, :-1]
    if len(tied):
        # The k-th score occurs again outside the k: what is better stays, its bearers compete by their place.
        last = boundary[tied, None]
        equal = np.where(block[tied] == last, np.int32(len(place)) - place, np.int32(0))
        rivals, claims = layout.largest(equal)
        columns = np.hstack([top[tied], rivals])
        values = np.hstack([np.where(scores[tied] > last, scores[tied], -np.inf), np.where(claims > 0, last, -np.inf)])
        columns, values = _sorted(columns, values, place)
        top[tied], scores[tied] = columns[:, : layout.k], values[:, : layout.k]
    return np.where(scores == -np.inf, -1, top).astype(np.int32)


def _sorted(
    columns: NDArray[np.int64], values: NDArray[Any], place: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    order = np.lexsort((place[columns], -values), axis=1)
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)
