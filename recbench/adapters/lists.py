"""Top-N lists as scores: what is listed stands above all that is not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recbench.errors import InvalidScores


def spread(items: ArrayLike, scores: ArrayLike | None, n_items: int, source: str) -> NDArray[np.float64]:
    """Scores of every item from one list a user.

    Unlisted items tie just below the last listed one, and the harness breaks ties by lot: beyond the end of
    a list a rank says nothing, so the rank gain of an item that never enters it is that of chance.

    Args:
        items: ids [b, k], best first; -1 fills up a list that is shorter than the others.
        scores: [b, k], which then order the lists; None where the order of `items` does.
        n_items: size of the catalogue.
        source: who made the lists, for messages.

    Returns:
        [b, n_items]; a user whose list is empty has the same score for every item.

    Raises:
        InvalidScores: ids that are no items, an item twice in a list, or scores that are not finite.
    """
    items = _rectangle(items, source)
    if not np.issubdtype(items.dtype, np.integer):
        raise InvalidScores(f"{source} gave lists of {items.dtype}; expected integer item ids")
    b, k = items.shape
    listed = items >= 0
    if (items[listed] >= n_items).any():
        raise InvalidScores(f"{source} listed item {items.max()}; item ids are 0 to {n_items - 1}")
    keys = np.sort(((np.arange(b) * n_items)[:, None] + items)[listed])
    if len(again := keys[1:][keys[1:] == keys[:-1]]):
        raise InvalidScores(f"{source} listed item {again[0] % n_items} twice for one user")
    if scores is None:
        values = np.broadcast_to(np.arange(k, 0, -1.0), (b, k))
    else:
        values = np.asarray(_rectangle(scores, source), dtype=np.float64)
        if values.shape != (b, k):
            raise InvalidScores(f"{source} gave lists of shape {(b, k)} with scores of shape {values.shape}")
        if not np.isfinite(values[listed]).all():
            raise InvalidScores(f"{source} gave a listed item a score that is not finite")
    lowest = np.where(listed, values, np.inf).min(axis=1, initial=np.inf)
    floor = np.where(np.isfinite(lowest), np.nextafter(lowest, -np.inf), 0.0)
    spread = np.repeat(floor[:, None], n_items, axis=1)
    spread[np.nonzero(listed)[0], items[listed]] = values[listed]
    return spread


def _rectangle(rows: ArrayLike, source: str) -> NDArray[Any]:
    try:
        array = np.asarray(rows)
    except ValueError:
        raise InvalidScores(f"{source} gave lists of different lengths; fill them up with -1") from None
    if array.ndim != 2:
        raise InvalidScores(f"{source} gave an array of shape {array.shape}; expected one list a user, [b, k]")
    return array
