"""What attacks on a trained victim may spend: items added to what it reads, or a ball around its tables."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.threat import Budget
from recbench.data.interactions import Histories
from recbench.errors import BudgetViolation

if TYPE_CHECKING:
    from torch import Tensor

    from recbench.contracts.problem import Tables

ROUNDING = 1e-4
"""By what share of its radius a row may be beyond it: projections are made in single precision."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Insertions(Budget):
    """What an evasion attack may add: at most `sizes[k]` items to history k. Nothing is taken out or reordered.

    Args:
        banned: int32 [t], the targets, which may not be added: what a user has read is not recommended.
    """

    banned: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def check(self, before: Histories, after: Histories) -> None:
        """Hold changed histories against the budget.

        Raises:
            BudgetViolation: histories that do not describe items, other originals or in another order, more items than
                the budget, an item twice, an unknown or a banned item.
        """
        indptr, items = np.asarray(after.indptr), np.asarray(after.items)
        if indptr.shape != before.indptr.shape or items.ndim != 1:
            raise BudgetViolation(f"histories of {indptr.shape} and {items.shape}; expected {len(before)} of them")
        if not (np.issubdtype(indptr.dtype, np.integer) and np.issubdtype(items.dtype, np.integer)):
            raise BudgetViolation(f"histories are {indptr.dtype} and {items.dtype}; expected integers")
        if indptr[0] != 0 or indptr[-1] != len(items) or (np.diff(indptr) < 0).any():
            raise BudgetViolation("indptr does not describe items: it must rise from 0 to len(items)")
        if len(items) and (items.min() < 0 or items.max() >= self.n_items):
            reach = f"from {items.min()} to {items.max()}"
            raise BudgetViolation(f"item ids reach {reach}; the catalogue has {self.n_items}")
        old, new = _keys(before, self.n_items), _keys(after, self.n_items)
        if len(np.unique(new)) < len(new):
            raise BudgetViolation("a history holds an item twice")
        kept = np.isin(new, old)
        if not np.array_equal(new[kept], old):
            raise BudgetViolation("a history lacks an item that it had, or has them in another order")
        added = np.bincount(new[~kept] // self.n_items, minlength=len(before))
        if (over := added > self.sizes).any():
            k = int(np.argmax(over))
            raise BudgetViolation(f"{added[k]} items are added to history {k}; the budget is {self.sizes[k]}")
        if len(targets := np.intersect1d(new[~kept] % self.n_items, self.banned)):
            raise BudgetViolation(f"targets {targets.tolist()} are added; what is read is not recommended")


def _keys(histories: Histories, n_items: int) -> NDArray[np.int64]:
    """A number for each pair of a history and an item."""
    return np.asarray(histories.rows * n_items + histories.items, dtype=np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class Ball(Budget):
    """How far a parameter attack may move: each row of a perturbable table by `radius` of its own length.

    Args:
        radius: as a share of the row's length (L2). An absolute one, as APR's epsilon, means nothing across models.
    """

    radius: float = 0.0

    def radii(self, table: Tensor) -> Tensor:
        """How far each row may move, [rows, 1]."""
        lengths: Tensor = table.norm(dim=1, keepdim=True)
        return lengths * self.radius

    def project(self, table: Tensor, moved: Tensor) -> Tensor:
        """The nearest table to `moved` [rows, dim] whose rows are inside the balls around those of `table`."""
        change = moved - table
        lengths = change.norm(dim=1, keepdim=True)
        return table + change.mul((self.radii(table) / lengths.clamp(min=1e-30)).clamp(max=1))

    def check(self, perturbable: Set[str], before: Tables, after: Tables) -> None:
        """Hold moved tables against the budget.

        Raises:
            BudgetViolation: tables that are missing, new, of another shape or not finite; one that is not perturbable
                and is another; a row outside its ball.
        """
        import torch  # the budget of insertions does without

        if before.keys() != after.keys():
            raise BudgetViolation(f"tables {sorted(after)}; expected {sorted(before)}")
        for name, table in before.items():
            moved: Any = after[name]
            if not isinstance(moved, torch.Tensor) or moved.shape != table.shape or moved.dtype != table.dtype:
                raise BudgetViolation(f"table '{name}' is not the tensor it was: its shape and type must stay")
            if not torch.isfinite(moved).all():
                raise BudgetViolation(f"table '{name}' holds values that are not finite")
            if name not in perturbable:
                if not torch.equal(moved, table):
                    raise BudgetViolation(f"table '{name}' is moved; perturbable are {sorted(perturbable)}")
                continue
            lengths = (moved - table).norm(dim=1, keepdim=True)
            radii = self.radii(table)
            # A row's own rounding too: a small step from a long row is known to few digits.
            slack = ROUNDING * radii + 1e-6 * table.norm(dim=1, keepdim=True)
            if (over := lengths > radii + slack).any():
                k = int(over.flatten().to(torch.uint8).argmax())
                far, allowed = float(lengths[k]), float(radii[k])
                raise BudgetViolation(f"row {k} of '{name}' is moved by {far:.4g}; the budget is {allowed:.4g}")
