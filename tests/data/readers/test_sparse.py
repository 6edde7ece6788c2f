"""SciPy's sparse matrices."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbench.data.readers import read_interactions
from recbench.errors import DataError

matrices = hnp.arrays(np.float32, st.tuples(st.integers(2, 6), st.integers(1, 6)), elements=st.integers(0, 3)).filter(
    lambda dense: (dense.any(axis=1).sum() > 1) and not (dense.shape[0] == dense.shape[1] and (dense == dense.T).all())
)


@settings(deadline=None, max_examples=50)
@given(matrices, st.sampled_from(["csr", "csc", "coo"]), st.booleans())
def test_a_matrix_is_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, dense: np.ndarray, kind: str, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    sp.save_npz(path, sp.csr_matrix(dense).asformat(kind), compressed=packed)
    data = read_interactions(path)
    kept = data.interactions
    again = np.zeros_like(dense)
    again[data.user_ids[kept.users], data.item_ids[kept.items]] = 1 if kept.ratings is None else kept.ratings
    np.testing.assert_array_equal(again, dense)
    assert (kept.ratings is None) == (dense[dense > 0] == 1).all()


def test_a_matrix_of_truths_has_no_ratings(tmp_path: Path) -> None:
    sp.save_npz(tmp_path / "a.npz", sp.csr_matrix(np.array([[True, False, True], [False, True, True]])))
    data = read_interactions(tmp_path / "a.npz")
    assert data.interactions.ratings is None
    assert len(data.interactions) == 4


def test_the_graph_of_users_and_items_is_no_matrix_of_users_and_items(tmp_path: Path) -> None:
    ratings = sp.csr_matrix([[0.5, 0.0], [0.5, 0.7]])
    sp.save_npz(tmp_path / "s_adj_mat.npz", sp.bmat([[None, ratings], [ratings.T, None]], format="csr"))
    with pytest.raises(DataError, match="is symmetric, 4 × 4: the graph of users and items together"):
        read_interactions(tmp_path / "s_adj_mat.npz")


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("values", [[True, False, True], [3, 0, 2], [0.5, -0.0, 1.0]])
def test_stored_zeros_are_named(tmp_path: Path, kind: str, values: list[object]) -> None:
    matrix = sp.coo_matrix((np.array(values), ([0, 1, 1], [0, 1, 2])), shape=(2, 3)).asformat(kind)
    sp.save_npz(tmp_path / "a.npz", matrix)
    with pytest.raises(DataError, match=r"stores 1 zeros.*eliminate_zeros\(\)"):
        read_interactions(tmp_path / "a.npz")
    matrix = matrix.tocsr()
    matrix.eliminate_zeros()
    sp.save_npz(tmp_path / "a.npz", matrix)
    assert len(read_interactions(tmp_path / "a.npz").interactions) == 2


def test_the_zeros_that_fill_a_block_are_named(tmp_path: Path) -> None:
    dense = np.array([[1, 0, 0, 0, 0, 4], [0, 2, 0, 0, 0, 0]])
    sp.save_npz(tmp_path / "a.npz", sp.bsr_matrix(dense, blocksize=(2, 2)))
    with pytest.raises(DataError, match=r"stores 5 zeros.*tocsr\(\)"):
        read_interactions(tmp_path / "a.npz")


@pytest.mark.parametrize("duplicates", ["error", "first", "last"])
@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_a_repeated_place_is_named_and_never_summed(tmp_path: Path, kind: str, duplicates: str) -> None:
    if kind == "coo":
        matrix = sp.coo_matrix(([5, 3, 4], ([0, 1, 1], [0, 2, 2])), shape=(2, 3))
    elif kind == "csr":
        matrix = sp.csr_matrix(([5, 3, 4], [0, 2, 2], [0, 1, 3]), shape=(2, 3))
    else:
        matrix = sp.csc_matrix(([5, 3, 4], [0, 1, 1], [0, 1, 1, 3]), shape=(2, 3))
    sp.save_npz(tmp_path / "a.npz", matrix)
    with pytest.raises(DataError, match=r"row 1, column 2 more than once.*sum_duplicates\(\)"):
        read_interactions(tmp_path / "a.npz", duplicates=duplicates)


def test_a_square_matrix_of_truths_is_read(tmp_path: Path) -> None:
    sp.save_npz(tmp_path / "a.npz", sp.csr_matrix(np.array([[True, False], [True, True]])))
    assert len(read_interactions(tmp_path / "a.npz").interactions) == 3


def test_arrays_that_are_no_matrix_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", format=np.array(b"csr"), shape=np.array([2, 2]), data=np.ones(2))
    with pytest.raises(DataError, match="is no whole sparse matrix"):
        read_interactions(tmp_path / "a.npz")
