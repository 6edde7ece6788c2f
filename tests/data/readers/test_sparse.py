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


def test_stored_falses_are_named(tmp_path: Path) -> None:
    sp.save_npz(tmp_path / "a.npz", sp.csr_matrix((np.array([True, False]), ([0, 1], [0, 1])), shape=(2, 3)))
    with pytest.raises(DataError, match="stores values of False"):
        read_interactions(tmp_path / "a.npz")


def test_arrays_that_are_no_matrix_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", format=np.array(b"csr"), shape=np.array([2, 2]), data=np.ones(2))
    with pytest.raises(DataError, match="is no whole sparse matrix"):
        read_interactions(tmp_path / "a.npz")
