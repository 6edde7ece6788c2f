"""Products with a sparse pattern: those of the dense matrix, with derivatives of any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from recbench.contracts import SparsePattern, torch_rng

N, M, DIM = 5, 6, 3
# Rows 1 and 4 and columns 0 and 5 are empty, rows 0 and 3 are equal, and the columns of a row are in no order.
INDPTR, COLS = [0, 3, 3, 5, 8, 8], [4, 1, 2, 3, 1, 4, 1, 2]

Product = Callable[[SparsePattern, Tensor, Tensor], Tensor]
PRODUCTS: dict[str, tuple[Product, int | tuple[int, int], tuple[int, int]]] = {
    "sampled": (SparsePattern.sampled, (N, DIM), (M, DIM)),
    "matmul": (SparsePattern.matmul, len(COLS), (M, DIM)),
    "matmul_t": (SparsePattern.matmul_t, len(COLS), (N, DIM)),
}
products = pytest.mark.parametrize("name", PRODUCTS)


@pytest.fixture(params=["mkl", "gather"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the kernels that torch takes from MKL where it has them, and as where it was built without."""
    if request.param == "gather":
        monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    return str(request.param)


def _pattern() -> SparsePattern:
    return SparsePattern(torch.tensor(INDPTR), torch.tensor(COLS), M)


def _operands(name: str) -> tuple[Tensor, Tensor]:
    rng = torch_rng(0, name)
    _, *shapes = PRODUCTS[name]
    left, right = (torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_() for shape in shapes)
    return left, right


def _dense(pattern: SparsePattern, values: Tensor) -> Tensor:
    return torch.zeros(pattern.shape, dtype=values.dtype).index_put((pattern.rows, pattern.cols), values)


@products
@pytest.mark.usefixtures("library")
def test_first_and_second_derivatives_are_right(name: str) -> None:
    product, *_ = PRODUCTS[name]
    pattern, operands = _pattern(), _operands(name)
    assert gradcheck(lambda *given: product(pattern, *given), operands)
    assert gradgradcheck(lambda *given: product(pattern, *given), operands)


@products
@pytest.mark.usefixtures("library")
def test_under_autocast_a_product_is_that_of_its_operands_in_float32_with_both_derivatives(name: str) -> None:
    product, *_ = PRODUCTS[name]
    pattern = _pattern()
    found = []
    for mixed in (False, True):
        operands = [operand.detach().bfloat16().requires_grad_() for operand in _operands(name)]
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            values = product(pattern, *(operands if mixed else [operand.float() for operand in operands]))
        assert values.dtype == torch.float32
        first = torch.autograd.grad(values.sin().sum(), operands, create_graph=True)
        second = torch.autograd.grad(sum(each.float().square().sum() for each in first), operands)
        found.append([values, *first, *second])
    assert all(torch.equal(*each) for each in zip(*found, strict=True))


@pytest.mark.parametrize(("name", "length"), [("row_sums", len(COLS)), ("spread", N)])
def test_sums_and_their_spread_are_those_of_the_dense_matrix_and_each_others_derivatives(
    name: str, length: int
) -> None:
    pattern = _pattern()
    given = torch.randn(length, generator=torch_rng(0, name), dtype=torch.float64).requires_grad_()
    function = getattr(pattern, name)
    wanted = _dense(pattern, given).sum(1) if name == "row_sums" else given[pattern.rows]
    torch.testing.assert_close(function(given), wanted)
    assert gradcheck(function, (given,))
    assert gradgradcheck(lambda x: function(x.sin()), (given,))


@products
@pytest.mark.parametrize("constant", [0, 1])
def test_one_operand_may_be_a_constant(name: str, constant: int) -> None:
    product, *_ = PRODUCTS[name]
    pattern, operands = _pattern(), list(_operands(name))
    operands[constant] = operands[constant].detach()
    assert gradcheck(lambda *given: product(pattern, *given), operands)
    assert gradgradcheck(lambda *given: product(pattern, *given), operands)


@pytest.mark.usefixtures("library")
def test_a_pattern_used_twice_in_one_graph_has_the_derivatives_of_the_dense_matrix() -> None:
    pattern = _pattern()
    left, right = _operands("sampled")

    def two_hops(sampled: Callable[..., Any], matmul: Callable[..., Any], matmul_t: Callable[..., Any]) -> Tensor:
        scores = sampled(left, right).tanh()
        return matmul(scores, matmul_t(scores, matmul(scores, right))).sin().sum()

    dense = two_hops(
        lambda p, q: (p @ q.T)[pattern.rows, pattern.cols],
        lambda values, x: _dense(pattern, values) @ x,
        lambda values, x: _dense(pattern, values).T @ x,
    )
    sparse = two_hops(pattern.sampled, pattern.matmul, pattern.matmul_t)
    torch.testing.assert_close(sparse, dense)
    first, second = [], []
    for loss in (sparse, dense):
        gradients = torch.autograd.grad(loss, (left, right), create_graph=True)
        first.append(gradients)
        second.append(torch.autograd.grad(sum(each.square().sum() for each in gradients), (left, right)))
    torch.testing.assert_close(first[0], first[1])
    torch.testing.assert_close(second[0], second[1])


@given(
    n=st.integers(1, 6),
    m=st.integers(1, 6),
    dim=st.integers(1, 4),
    density=st.sampled_from([0.0, 0.2, 1.0]),
    seed=st.integers(0, 2**16),
    mkl=st.booleans(),
)
def test_each_product_is_that_of_the_dense_matrix(
    n: int, m: int, dim: int, density: float, seed: int, mkl: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = np.nonzero(rng.random((n, m)) < density)
    order = np.lexsort((rng.random(len(rows)), rows))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    pattern = SparsePattern(torch.tensor(indptr), torch.tensor(cols[order]), m)
    assert pattern.rows.tolist() == rows.tolist()

    values, left, right = (torch.tensor(rng.standard_normal(shape)) for shape in (len(rows), (n, dim), (m, dim)))
    with pytest.MonkeyPatch.context() as patch:
        if not mkl:
            patch.setattr(torch.backends.mkl, "is_available", lambda: False)
        torch.testing.assert_close(pattern.sampled(left, right), (left @ right.T)[pattern.rows, pattern.cols])
        torch.testing.assert_close(pattern.matmul(values, right), _dense(pattern, values) @ right)
        torch.testing.assert_close(pattern.matmul_t(values, left), _dense(pattern, values).T @ left)


def test_the_gather_agrees_with_the_kernel_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = _pattern()
    left, right = (operand.detach().float() for operand in _operands("sampled"))
    kernel = pattern.sampled(left, right)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    torch.testing.assert_close(pattern.sampled(left, right), kernel)
