"""Users who resemble a user, a block of users at a time: no matrix of users by users is ever whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recbench.data import Interactions

Array = NDArray[np.float64]
Block = tuple[slice, Array]
"""Some users, and their similarity to all users [b, n_users]; to themselves it is -inf."""

CELLS = 2**22
"""(user, user) or (user, item) cells held densely at a time."""
DECIMALS = 10
"""Similarities are rounded to so many: what differs by less is a tie, whatever the order of summation."""
OVERLAP = 50
"""Common items from which a correlation counts in full."""


def rows_of(train: Interactions, values: NDArray[np.floating[Any]]) -> sp.csr_matrix:
    """Values [nnz] of the interactions as float64 [n_users, n_items], items ascending: sums take one order."""
    matrix = sp.csr_matrix(
        (values.astype(np.float64), train.items.copy(), train.indptr.copy()), shape=(train.n_users, train.n_items)
    )
    matrix.sort_indices()
    return matrix


def slices(train: Interactions) -> Iterator[slice]:
    """Runs of users, few enough to be held against all users or all items."""
    step = max(1, CELLS // max(train.n_users, train.n_items))
    for start in range(0, train.n_users, step):
        yield slice(start, min(start + step, train.n_users))


def overlap_blocks(train: Interactions) -> Iterator[Block]:
    """How many items two users share."""
    rows = rows_of(train, np.ones(len(train)))
    columns = rows.T.tocsr()
    for block in slices(train):
        yield block, _alone(block, (rows[block] @ columns).toarray())


def cosine_blocks(train: Interactions) -> Iterator[Block]:
    """TF-IDF cosine: items weigh log(n_users / c_i), c_i = their popularity."""
    weight = np.log(train.n_users / np.maximum(train.item_counts, 1))[train.items]
    norm = np.sqrt(np.bincount(train.users, weight**2, train.n_users))[train.users]
    rows = rows_of(train, np.divide(weight, norm, out=np.zeros_like(weight), where=norm > 0))
    columns = rows.T.tocsr()
    for block in slices(train):
        yield block, _alone(block, (rows[block] @ columns).toarray())


def pearson_blocks(train: Interactions) -> Iterator[Block]:
    """Correlation of ratings over common items, damped by min(o_uv, 50) / 50, o_uv = how many they are.

    Deviations are from a user's mean over all her ratings, as in GroupLens (Resnick et al., CSCW 1994), so four
    products of sparse matrices suffice. Without spread on the common items it is 0.
    """
    assert train.ratings is not None
    means = np.bincount(train.users, train.ratings, train.n_users) / np.maximum(train.user_counts, 1)
    deviation = train.ratings - means[train.users]
    ones, centred, squared = (rows_of(train, v) for v in (np.ones_like(deviation), deviation, deviation**2))
    ones_t, centred_t, squared_t = (each.T.tocsr() for each in (ones, centred, squared))
    for block in slices(train):
        spread = (squared[block] @ ones_t).toarray() * (ones[block] @ squared_t).toarray()
        common = (ones[block] @ ones_t).toarray()
        covariance = (centred[block] @ centred_t).toarray()
        enough = spread > 1e-12
        similarity = np.divide(covariance, np.sqrt(spread, where=enough, out=spread), out=common * 0, where=enough)
        yield block, _alone(block, similarity * (np.minimum(common, OVERLAP) / OVERLAP))


def _alone(block: slice, similarity: Array) -> Array:
    similarity = np.round(similarity, DECIMALS)
    similarity[np.arange(len(similarity)), np.arange(block.start, block.stop)] = -np.inf
    return similarity


def mean_of_nearest(similarity: Array, k: int) -> Array:
    """The mean similarity of each user's k nearest others [b]; of all others where there are fewer."""
    k = min(k, similarity.shape[1] - 1)
    if k < 1:
        return np.zeros(len(similarity))
    nearest = np.partition(similarity, similarity.shape[1] - k, axis=1)[:, -k:]
    # Sorted, so that the sum does not depend on the order in which users stand.
    return np.asarray(np.sort(nearest, axis=1).mean(axis=1))


def nearest(similarity: Array, k: int) -> sp.csr_matrix:
    """Who are each user's k nearest others: weights [b, n_users] that sum to k, or to less where fewer have anything
    in common with the user.

    Users at the same distance share the places that are left, so no order of users decides.
    """
    k = min(k, similarity.shape[1] - 1)
    last = np.partition(similarity, similarity.shape[1] - k, axis=1)[:, -k, None] if k else np.inf
    last = np.maximum(last, np.finfo(np.float64).tiny)
    nearer, tied = similarity > last, similarity == last
    left = k - nearer.sum(axis=1, keepdims=True)
    return sp.csr_matrix(nearer + tied * (left / np.maximum(tied.sum(axis=1, keepdims=True), 1)))
