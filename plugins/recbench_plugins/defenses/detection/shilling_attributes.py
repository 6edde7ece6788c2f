"""The classic attributes of a shilling profile, in their form for ratings and in one for clicks alone.

RDMA and DegSim are of Chirita, Nejdl, Zamfir, "Preventing shilling attacks in online recommender systems", WIDM 2005;
the others of Burke, Mobasher, Williams, Bhaumik, "Classification features for attack detection in collaborative
recommender systems", KDD 2006. Values speak in either direction: LengthVar and DegSim of random fakes lie far *below*
those of genuine users, so a detector must look at both sides.

Notation: I_u the items of user u, d_u how many, c_i the popularity of item i, r̄_i its mean rating, n users, P_T the
items that u rates at the profile's maximum (what may be pushed) and P_F the rest. A mean over nothing is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from recbench.data import Interactions
from recbench_plugins.defenses.detection.neighbourhood import (
    cosine_blocks,
    mean_of_nearest,
    nearest,
    pearson_blocks,
    rows_of,
)

Array = NDArray[np.float64]
Attributes = dict[str, Array]
"""By name, [n_users]; 0 where there is nothing to average, which includes users without interactions."""

NEIGHBOURS = 25
RANK, PER_DIMENSION = 16, 20
"""Of the truncated SVD that says which clicks were to be expected: 16, or one dimension for 20 users and 20 items where
that is fewer, since on tiny data more of them fit every fake as well."""


def shilling_attributes(train: Interactions) -> Attributes:
    """Every attribute of every user, in the variant that the track allows."""
    return of_ratings(train) if train.ratings is not None else of_clicks(train)


def of_ratings(train: Interactions) -> Attributes:
    """The attributes as published.

    - RDMA = (1/d_u) Σ |r_ui - r̄_i| / c_i; WDMA the same over c_i²; WDA the sum in place of RDMA's mean.
    - DegSim: mean of the 25 largest similarities, see `pearson_blocks`. LengthVar = |d_u - d̄| / Σ_v (d_v - d̄)².
    - MeanVar: least over the assumed target j in I_u of Σ_{i≠j} (r_ui - r̄_i)² / (d_u - 1).
    - FMTD = |mean of r over P_T - over P_F|, 0 without P_F; FMV, FMD: mean over P_F of (r_ui - r̄_i)² and its root.
    - TMF: largest over i in P_T of F_i = |{v : i in P_T,v}| / Σ_v |P_T,v|.
    """
    assert train.ratings is not None
    users, items, ratings = train.users, train.items, train.ratings.astype(np.float64)
    counts = train.item_counts[items]
    means = np.bincount(items, ratings, train.n_items) / np.maximum(train.item_counts, 1)
    deviation = np.abs(ratings - means[items])

    best = np.full(train.n_users, -np.inf)
    np.maximum.at(best, users, ratings)
    pushed = ratings == best[users]
    focus = np.bincount(items[pushed], minlength=train.n_items) / max(1, pushed.sum())
    rest = np.bincount(users[~pushed], minlength=train.n_users) > 0
    gap = np.abs(_mean(train, ratings, pushed) - _mean(train, ratings, ~pushed))
    return {
        "RDMA": _mean(train, deviation / counts),
        "WDMA": _mean(train, deviation / counts**2),
        "WDA": _sum(train, deviation / counts),
        "DegSim": np.concatenate([mean_of_nearest(s, NEIGHBOURS) for _, s in pearson_blocks(train)]),
        "LengthVar": _length_variance(train),
        "MeanVar": _least_without_one(train, deviation**2),
        "FMTD": np.where(rest, gap, 0.0),
        "FMV": _mean(train, deviation**2, ~pushed),
        "FMD": _mean(train, deviation, ~pushed),
        "TMF": _largest(train, np.where(pushed, focus[items], 0.0)),
    }


def of_clicks(train: Interactions) -> Attributes:
    """The same questions where there are no ratings: popularity stands in for what a rating deviates from.

    - RDMA, WDMA, WDA with 1 for |r_ui - r̄_i|: mean and sum of inverse popularity.
    - DegSim: mean of the 25 largest similarities, see `cosine_blocks`. LengthVar as for ratings.
    - MeanVar: variance of log c_i over I_u.
    - TMF, neighbourhood focus: largest over i in I_u of z_i = (k_i - k p_i) / √(k p_i (1 - p_i)), k_i = how many of
      the k = 25 nearest users hold i, p_i = c_i / n. The i that attains it is j*.
    - FMTD = |log c_j* - mean over i ≠ j* of log c_i|.
    - FMV: mean over I_u of (1 - ŝ_ui)², ŝ the click matrix's truncated SVD of rank 16.
    """
    counts = train.item_counts[train.items]
    popularity = np.log(counts)
    similar, focus = [], []
    clicks = rows_of(train, np.ones(len(train)))
    for block, similarity in cosine_blocks(train):
        similar.append(mean_of_nearest(similarity, NEIGHBOURS))
        held = nearest(similarity, NEIGHBOURS)
        mine = slice(train.indptr[block.start], train.indptr[block.stop])
        among = (held @ clicks).toarray()[train.users[mine] - block.start, train.items[mine]]
        asked = np.asarray(held.sum(axis=1)).ravel()[train.users[mine] - block.start]
        share = counts[mine] / train.n_users
        deviation = np.sqrt(asked * share * (1 - share))
        focus.append(np.divide(among - asked * share, deviation, out=np.zeros_like(share), where=deviation > 1e-9))
    z = np.round(np.concatenate(focus), 9)
    return {
        "RDMA": _mean(train, 1 / counts),
        "WDMA": _mean(train, 1 / counts**2),
        "WDA": _sum(train, 1 / counts),
        "DegSim": np.concatenate(similar),
        "LengthVar": _length_variance(train),
        "MeanVar": _mean(train, (popularity - _mean(train, popularity)[train.users]) ** 2),
        "FMTD": _focus_gap(train, popularity, z),
        "FMV": _mean(train, (1 - expected_clicks(train)) ** 2),
        "TMF": _largest(train, z),
    }


def expected_clicks(train: Interactions) -> Array:
    """ŝ_ui [nnz], of the truncated SVD."""
    clicks = rows_of(train, np.ones(len(train)))
    if min(clicks.shape) == 1:  # one row or column is its own first factor
        return np.ones(len(train))
    rank = max(1, min(RANK, min(clicks.shape) // PER_DIMENSION))
    # Start at the popularities: a vector that is made of content is the same under any labels.
    start = train.item_counts if train.n_items < train.n_users else train.user_counts
    left, values, right = svds(clicks, k=rank, v0=start.astype(np.float64))
    left = left * values
    expected = np.zeros(len(train))
    for factor in range(rank):
        expected += left[train.users, factor] * right[factor, train.items]
    return expected


def _sum(train: Interactions, values: Array) -> Array:
    return np.bincount(train.users, values, train.n_users).astype(np.float64)


def _mean(train: Interactions, values: NDArray[Any], where: NDArray[np.bool_] | None = None) -> Array:
    users = train.users if where is None else train.users[where]
    values = values if where is None else values[where]
    counts = np.bincount(users, minlength=train.n_users)
    return np.asarray(np.bincount(users, values, train.n_users) / np.maximum(counts, 1))


def _largest(train: Interactions, values: Array) -> Array:
    found = np.full(train.n_users, -np.inf)
    np.maximum.at(found, train.users, values)
    return np.where(train.user_counts > 0, found, 0.0)


def _length_variance(train: Interactions) -> Array:
    excess = train.user_counts - train.user_counts.mean()
    return np.asarray(np.abs(excess) / max((excess**2).sum(), 1e-12))


def _least_without_one(train: Interactions, squares: Array) -> Array:
    total = np.bincount(train.users, squares, train.n_users) - _largest(train, squares)
    return np.maximum(total, 0.0) / np.maximum(train.user_counts - 1, 1)


def _focus_gap(train: Interactions, popularity: Array, z: Array) -> Array:
    """FMTD of clicks; of several items with the largest z, the first of the catalogue is the focus."""
    order = np.lexsort((train.items, -z, train.users))
    active = train.user_counts > 0
    focus = popularity[order[train.indptr[:-1][active]]]
    others = np.bincount(train.users, popularity, train.n_users)[active] - focus
    gap = np.zeros(train.n_users)
    many = train.user_counts[active] - 1
    gap[active] = np.where(many > 0, np.abs(focus - others / np.maximum(many, 1)), 0.0)
    return gap
