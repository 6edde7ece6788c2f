"""`Profiles`: the fake users that a poisoning attack injects."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.threat import Budget
from recbench.data.interactions import Histories
from recbench.errors import BudgetViolation, DataError

Integer = TypeVar("Integer", np.int32, np.int64)


def _integers(name: str, values: NDArray[Any], dtype: type[Integer]) -> NDArray[Integer]:
    """`values` as `dtype`; a mere cast would turn what is no id into one that passes every check."""
    values, limits = np.asarray(values), np.iinfo(dtype)
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise BudgetViolation(f"{name} is {values.dtype}; expected integers")
    if values.size and (values.min() < limits.min or values.max() > limits.max):
        raise BudgetViolation(f"{name} reaches from {values.min()} to {values.max()}, beyond {np.dtype(dtype)}")
    return values.astype(dtype, copy=False)


@dataclass(frozen=True, eq=False)
class Profiles:
    """Discrete fake profiles in click order: profile `k` is `items[indptr[k]:indptr[k + 1]]`.

    Args:
        indptr: int64 [m + 1].
        items: int32 [nnz].
        ratings: float32 [nnz] on the data set's scale, or None for implicit feedback.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    ratings: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "indptr", _integers("indptr", self.indptr, np.int64))
        object.__setattr__(self, "items", _integers("items", self.items, np.int32))
        if self.ratings is not None:
            object.__setattr__(self, "ratings", np.asarray(self.ratings, dtype=np.float32))

    @classmethod
    def empty(cls) -> Profiles:
        """No fake users: the clean run."""
        return cls(np.zeros(1, np.int64), np.zeros(0, np.int32))

    @classmethod
    def from_pairs(
        cls,
        rows: NDArray[np.integer],
        items: NDArray[np.integer],
        n_profiles: int,
        ratings: NDArray[np.floating] | None = None,
    ) -> Profiles:
        """Profiles from (profile, item) pairs [nnz]; each profile keeps the order of its pairs."""
        order = np.argsort(rows, kind="stable")
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_profiles))])
        return cls(
            indptr,
            _integers("items", items[order], np.int32),
            None if ratings is None else ratings[order].astype(np.float32),
        )

    @classmethod
    def from_dense(cls, chosen: NDArray[np.bool_], ratings: NDArray[np.floating] | None = None) -> Profiles:
        """Profiles from a boolean matrix [m, n_items], in item order; ratings [m, n_items] are read there."""
        rows, items = np.nonzero(chosen)
        return cls.from_pairs(rows, items, len(chosen), None if ratings is None else ratings[rows, items])

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def histories(self) -> Histories:
        return Histories(self.indptr, self.items)

    def check(self, budget: Budget) -> None:
        """Hold the profiles against the budget.

        Raises:
            BudgetViolation: too many profiles, a profile that is empty, too long or holds an item twice,
                an unknown item, ratings missing, not asked for, or off the scale.
        """
        flat = self.indptr.ndim == self.items.ndim == 1 and len(self.indptr) > 0
        if not flat or self.indptr[0] != 0 or self.indptr[-1] != len(self.items):
            raise BudgetViolation("indptr does not describe items: it must start at 0 and end at len(items)")
        lengths = np.diff(self.indptr)
        if len(self) > budget.n_profiles:
            raise BudgetViolation(f"{len(self)} profiles; the budget is {budget.n_profiles}")
        if (lengths < 1).any():
            raise BudgetViolation(f"profile {int(np.argmax(lengths < 1))} is empty")
        over = lengths > budget.sizes[: len(self)]
        if over.any():
            k = int(np.argmax(over))
            raise BudgetViolation(
                f"profile {k} holds {lengths[k]} items; the budget is {budget.sizes[k]}, targets counted"
            )
        if len(self.items) and (self.items.min() < 0 or self.items.max() >= budget.n_items):
            reach = f"from {self.items.min()} to {self.items.max()}"
            raise BudgetViolation(f"item ids reach {reach}; the catalogue has {budget.n_items}")
        keys = np.repeat(np.arange(len(self), dtype=np.int64), lengths) * budget.n_items + self.items
        keys.sort()  # NumPy's `unique` hashes, which was seen 30 times slower on keys like these
        if (keys[1:] == keys[:-1]).any():
            raise BudgetViolation("a profile holds an item twice")
        if budget.scale is None:
            if self.ratings is not None:
                raise BudgetViolation("ratings given; this track is implicit")
        elif self.ratings is None:
            raise BudgetViolation("no ratings given; this track is explicit")
        elif self.ratings.shape != self.items.shape or not np.isfinite(self.ratings).all():
            raise BudgetViolation("ratings must be finite, one an item")
        elif not budget.scale.holds(self.ratings).all():
            worst = self.ratings[~budget.scale.holds(self.ratings)][0]
            scale = budget.scale
            raise BudgetViolation(
                f"rating {worst:g} is not on the scale {scale.low:g}..{scale.high:g} by {scale.step:g}"
            )

    def save(self, path: Path) -> None:
        """Write a poison file (NPZ without pickle: `indptr`, `items`, and `ratings` where there are any)."""
        arrays: dict[str, NDArray[Any]] = {"indptr": self.indptr, "items": self.items}
        if self.ratings is not None:
            arrays["ratings"] = self.ratings
        with open(path, "wb") as file:  # given a path, NumPy would append `.npz` to some names
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Profiles:
        """Read a poison file.

        Raises:
            DataError: the file is missing, is no NPZ file, or lacks an array.
        """
        if path.is_file() and not is_zipfile(path):
            raise DataError(f"{path}: not a poison file: it is no .npz file; write one with recbench's Profiles.save")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(arrays["indptr"], arrays["items"], arrays.get("ratings"))
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, zlib.error, BudgetViolation) as error:
            raise DataError(
                f"{path}: not a poison file ({error}); it needs the arrays indptr and items, and ratings on an "
                "explicit track"
            ) from error
