"""Products with a fixed sparse pattern whose values carry gradient, to any order.

torch's own sparse tensors have no second derivatives, which unrolled training needs. The three products
here are each other's derivatives, and so are the two sums below them, so they close under differentiation:

    sampled(P, Q)[k] = P[row_k] . Q[col_k]
    matmul(v, X)     = A(v) X            with A(v)[row_k, col_k] = v_k
    matmul_t(v, X)   = A(v)^T X

    row_sums(v)      = A(v) 1
    spread(x)[k]     = x[row_k]

Under autocast they stay in float32, for which alone all devices have kernels.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

with warnings.catch_warnings():
    # torch says once a process that CSR tensors are in beta; a user of recbench can do nothing about it.
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 0], [], torch.zeros(0), size=(1, 1), check_invariants=False)


class SparsePattern:
    """Where the entries of an [n, m] matrix are; entries are in row order.

    Args:
        indptr: int64 [n + 1], the entries of row `r` are `indptr[r]:indptr[r + 1]`.
        cols: int64 [nnz].
        n_cols: m.
    """

    def __init__(self, indptr: Tensor, cols: Tensor, n_cols: int) -> None:
        self.indptr = indptr
        self.cols = cols
        self.shape = (len(indptr) - 1, n_cols)
        # What the sparse kernels take: with int64 they would convert both in every call.
        self._indices = (indptr.int(), cols.int())

    @cached_property
    def rows(self) -> Tensor:
        """int64 [nnz]."""
        return torch.repeat_interleave(torch.arange(self.shape[0], device=self.cols.device), self.indptr.diff())

    @cached_property
    def transposed(self) -> tuple[Tensor, SparsePattern]:
        """The order of the entries by column, and the pattern of the transpose in that order."""
        order = torch.argsort(self.cols, stable=True)
        counts = torch.bincount(self.cols, minlength=self.shape[1])
        indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return order, SparsePattern(indptr, self.rows[order], self.shape[0])

    def sampled(self, left: Tensor, right: Tensor) -> Tensor:
        """The inner products left[row_k] . right[col_k], [nnz], of left [n, d] and right [m, d]."""
        return self._apply(_Sampled, left, right)

    def matmul(self, values: Tensor, dense: Tensor) -> Tensor:
        """A(values) @ dense, [n, d]."""
        return self._apply(_MatMul, values, dense)

    def matmul_t(self, values: Tensor, dense: Tensor) -> Tensor:
        """A(values)^T @ dense, [m, d]."""
        return self._apply(_MatMulT, values, dense)

    def row_sums(self, values: Tensor) -> Tensor:
        """The sum of the entries of every row, [n]."""
        return self._apply(_RowSums, values)

    def spread(self, rows: Tensor) -> Tensor:
        """For every entry the value of its row, [nnz], of `rows` [n]."""
        return self._apply(_Spread, rows)

    def _apply(self, product: type[torch.autograd.Function], *operands: Tensor) -> Tensor:
        device = self.cols.device.type
        if not torch.is_autocast_enabled(device):
            return product.apply(*operands, self)  # type: ignore[no-any-return, no-untyped-call]
        with torch.autocast(device, enabled=False):
            # Cast out here, where the graph sees it.
            exact = [operand.to(torch.promote_types(operand.dtype, torch.float32)) for operand in operands]
            return product.apply(*exact, self)  # type: ignore[no-any-return, no-untyped-call]

    @cached_property
    def _ones(self) -> Tensor:
        return torch.ones(self.shape[1], 1, device=self.cols.device)

    def _tensor(self, values: Tensor) -> Tensor:
        return torch.sparse_csr_tensor(
            *self._indices, values, size=self.shape, device=values.device, check_invariants=False
        )


class _Sampled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.save_for_backward(left, right)
        ctx.pattern = pattern
        if not len(pattern.cols):
            return left.new_zeros(0)
        if left.is_cuda or torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
            product = pattern._tensor(left.new_zeros(len(pattern.cols)))
            torch.sparse.sampled_addmm(product, left, right.T, beta=0.0, out=product)
            return product.values()
        return (left[pattern.rows] * right[pattern.cols]).sum(1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        left, right = ctx.saved_tensors
        return (
            ctx.pattern.matmul(grad, right) if ctx.needs_input_grad[0] else None,
            ctx.pattern.matmul_t(grad, left) if ctx.needs_input_grad[1] else None,
            None,
        )


class _MatMul(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, dense: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.save_for_backward(values, dense)
        ctx.pattern = pattern
        return pattern._tensor(values.contiguous()) @ dense

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        values, dense = ctx.saved_tensors
        return (
            ctx.pattern.sampled(grad, dense) if ctx.needs_input_grad[0] else None,
            ctx.pattern.matmul_t(values, grad) if ctx.needs_input_grad[1] else None,
            None,
        )


class _MatMulT(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, dense: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.save_for_backward(values, dense)
        ctx.pattern = pattern
        order, transpose = pattern.transposed
        return transpose._tensor(values.index_select(0, order)) @ dense

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        values, dense = ctx.saved_tensors
        return (
            ctx.pattern.sampled(dense, grad) if ctx.needs_input_grad[0] else None,
            ctx.pattern.matmul(values, grad) if ctx.needs_input_grad[1] else None,
            None,
        )


class _RowSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.pattern = pattern
        return (pattern._tensor(values.contiguous()) @ pattern._ones.to(values.dtype)).squeeze(1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.pattern.spread(grad), None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.pattern = pattern
        return rows.index_select(0, pattern.rows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.pattern.row_sums(grad), None
