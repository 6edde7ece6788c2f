"""`Interactions`: the one structure for feedback, immutable and shared by everything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recbench.data.ordering import order_by
from recbench.errors import DataError


@dataclass(frozen=True, eq=False)
class Histories:
    """Ragged lists of items in click order, oldest first: list `k` is `items[indptr[k]:indptr[k + 1]]`."""

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, k: int) -> NDArray[np.int32]:
        return self.items[self.indptr[k] : self.indptr[k + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.indptr)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The list that each entry of `items` belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)


@dataclass(frozen=True, eq=False)
class Interactions:
    """Who interacted with what: parallel arrays, one entry an interaction, read-only.

    Entries are kept sorted by user and, within a user, in click order (by time where there are
    timestamps, else as given), so the position of a row says nothing that the user id does not.

    Args:
        users: int32 [n], in [0, n_users).
        items: int32 [n], in [0, n_items).
        n_users, n_items: sizes of the id spaces; users and items without an interaction are allowed.
        ratings: float32 [n], or None for implicit feedback.
        timestamps: int64 [n] seconds, or None.

    Raises:
        DataError: arrays of different lengths, ids out of range, a (user, item) pair twice, ratings
            that are not finite.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    n_users: int
    n_items: int
    ratings: NDArray[np.float32] | None = None
    timestamps: NDArray[np.int64] | None = None
    _trusted: bool = field(default=False, repr=False)
    """Set by recbench where the arrays are known to be valid and sorted: skips the checks."""

    def __post_init__(self) -> None:
        if not self._trusted:
            self._check()
            self._sort()
        for name in ("users", "items", "ratings", "timestamps"):
            array = getattr(self, name)
            if array is not None:
                view = array.view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    def _check(self) -> None:
        for name, dtype in (
            ("users", np.int32),
            ("items", np.int32),
            ("ratings", np.float32),
            ("timestamps", np.int64),
        ):
            array = getattr(self, name)
            if array is None:
                continue
            array = np.asarray(array)
            if array.shape != (len(self.users),):
                raise DataError(
                    f"{name} has shape {array.shape}; expected ({len(self.users)},), one entry an interaction"
                )
            if name in ("users", "items") and not np.issubdtype(array.dtype, np.integer):
                raise DataError(f"{name} must be integer ids, not {array.dtype}")
            if name == "timestamps" and not np.issubdtype(array.dtype, np.integer):
                raise DataError(f"timestamps must be whole seconds, not {array.dtype}")
            size = {"users": self.n_users, "items": self.n_items}.get(name)
            if size is not None and len(array) and (array.min() < 0 or array.max() >= size):
                raise DataError(f"{name[:-1]} ids reach from {array.min()} to {array.max()}; expected 0 to {size - 1}")
            object.__setattr__(self, name, array.astype(dtype, copy=False))  # `_sort` copies
        if self.ratings is not None and not np.isfinite(self.ratings).all():
            raise DataError("ratings hold values that are not finite")
        keys = self._sorted_keys()
        if len(again := keys[1:][keys[1:] == keys[:-1]]):
            user, item = divmod(int(again[0]), self.n_items)
            raise DataError(f"user {user} has item {item} more than once; drop duplicates first")

    def _sort(self) -> None:
        by_time = () if self.timestamps is None else (self.timestamps,)
        order = order_by(*by_time, self.users)  # stable: what is equal stays as given
        for name in ("users", "items", "ratings", "timestamps"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, np.ascontiguousarray(array[order]))

    def __len__(self) -> int:
        return len(self.users)

    @cached_property
    def indptr(self) -> NDArray[np.int64]:
        """int64 [n_users + 1]: the entries of user `u` are `indptr[u]:indptr[u + 1]`."""
        return np.concatenate([[0], np.cumsum(self.user_counts)])

    @cached_property
    def user_counts(self) -> NDArray[np.int64]:
        """Interactions of every user, [n_users]."""
        return np.bincount(self.users, minlength=self.n_users)

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        """Interactions of every item (its popularity), [n_items]."""
        return np.bincount(self.items, minlength=self.n_items)

    @property
    def histories(self) -> Histories:
        """Every user's items in click order."""
        return Histories(self.indptr, self.items)

    @property
    def csr(self) -> sp.csr_matrix:
        """Binary float32 [n_users, n_items], made anew for the caller; rows keep click order, unsorted."""
        return self._matrix(np.ones(len(self), dtype=np.float32))

    @property
    def ratings_csr(self) -> sp.csr_matrix:
        """Ratings as float32 [n_users, n_items], made anew for the caller.

        Raises:
            DataError: the feedback is implicit.
        """
        if self.ratings is None:
            raise DataError("implicit feedback has no ratings")
        return self._matrix(self.ratings)

    def _matrix(self, values: NDArray[np.float32]) -> sp.csr_matrix:
        # Copies, made anew: SciPy sorts and sums in place, which must never reach the shared arrays.
        return sp.csr_matrix((values.copy(), self.items.copy(), self.indptr.copy()), shape=(self.n_users, self.n_items))

    def select(self, keep: NDArray[np.bool_]) -> Interactions:
        """The interactions where `keep` [n] is true, over the same users and items."""
        return Interactions(
            users=self.users[keep],
            items=self.items[keep],
            n_users=self.n_users,
            n_items=self.n_items,
            ratings=None if self.ratings is None else self.ratings[keep],
            timestamps=None if self.timestamps is None else self.timestamps[keep],
            _trusted=True,
        )

    def contains(self, users: NDArray[np.integer], items: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether each (user, item) pair is an interaction; arrays broadcast together."""
        # int64: user * n_items overflows int32 from about 50,000 users on 50,000 items.
        wanted = np.asarray(users, dtype=np.int64) * self.n_items + np.asarray(items, dtype=np.int64)
        at = np.searchsorted(self._keys, wanted)
        return (
            (at < len(self._keys)) & (self._keys[np.minimum(at, len(self._keys) - 1)] == wanted)
            if len(self)
            else np.zeros(wanted.shape, bool)
        )

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        return self._sorted_keys()

    def _sorted_keys(self) -> NDArray[np.int64]:
        """One number a pair, ascending; made in place, since there are many."""
        keys = self.users.astype(np.int64)
        keys *= self.n_items
        keys += self.items
        keys.sort()
        return keys

    @cached_property
    def digest(self) -> str:
        """sha256 of the content, hexadecimal."""
        hasher = hashlib.sha256(f"{self.n_users} {self.n_items}".encode())
        for name in ("users", "items", "ratings", "timestamps"):
            array = getattr(self, name)
            hasher.update(name.encode())
            if array is not None:
                hasher.update(np.ascontiguousarray(array).data)
        return hasher.hexdigest()

    def __repr__(self) -> str:
        track = "implicit" if self.ratings is None else "explicit"
        return f"Interactions({len(self):,} {track}, {self.n_users:,} users, {self.n_items:,} items)"
