"""Camouflage: part of what fake profiles hold beside their targets is taken from genuine ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Profiles, numpy_rng


def camouflaged(plain: Profiles, genuine: Profiles, targets: NDArray[np.integer], share: float, seed: int) -> Profiles:
    """The plain profiles with a share of their fillers replaced by those of genuine ones.

    Every profile keeps its length and its targets. Items of both sides keep the order and the place, from the first
    click to the last, that they had; the others of the plain profile that stay are drawn by lot.

    Args:
        plain: m profiles.
        genuine: as many, each with a genuine user's items beside the targets; one with too few of them gives fewer.
        targets: the items that stay.
        share: of the fillers, in [0, 1], rounded to whole items.
        seed: decides which.
    """
    rng = numpy_rng(seed, "camouflage")
    rows, theirs = plain.histories.rows, genuine.histories.rows
    own = ~np.isin(plain.items, targets)
    fillers = np.bincount(rows[own], minlength=len(plain))
    taken = _first(theirs, rng.random(len(theirs)) + np.isin(genuine.items, targets), np.rint(share * fillers))
    taken &= ~np.isin(genuine.items, targets)
    keys = np.int64(1 + max(plain.items.max(initial=0), genuine.items.max(initial=0)))
    doubled = np.isin(rows * keys + plain.items, (theirs * keys + genuine.items)[taken])
    left = fillers - np.bincount(theirs[taken], minlength=len(plain))
    kept = _first(rows, rng.random(len(rows)) + 2 * (doubled | ~own), left) & own & ~doubled | ~own

    sides = ((plain, rows, kept), (genuine, theirs, taken))
    held = np.concatenate([side[chosen] for _, side, chosen in sides])
    items = np.concatenate([profiles.items[chosen] for profiles, _, chosen in sides])
    moments = np.concatenate([_moments(profiles)[chosen] for profiles, _, chosen in sides])
    order = np.lexsort((moments, held))
    ratings = None
    if plain.ratings is not None and genuine.ratings is not None:
        ratings = np.concatenate([plain.ratings[kept], genuine.ratings[taken]])[order]
    return Profiles.from_pairs(held[order], items[order], len(plain), ratings)


def _first(rows: NDArray[np.int64], keys: NDArray[np.float64], counts: NDArray[np.number]) -> NDArray[np.bool_]:
    """Of every row's entries, those of the `counts[row]` least keys."""
    order = np.lexsort((keys, rows))
    starts = np.searchsorted(rows, np.arange(len(counts)))
    chosen = np.zeros(len(rows), np.bool_)
    chosen[order] = np.arange(len(rows)) - starts[rows] < counts[rows]
    return chosen


def _moments(profiles: Profiles) -> NDArray[np.float64]:
    """The place of every item in its profile, in (0, 1)."""
    rows = profiles.histories.rows
    return (np.arange(len(rows)) - profiles.indptr[rows] + 0.5) / profiles.histories.lengths[rows]
