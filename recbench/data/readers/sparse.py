"""SciPy's `.npz`: a users × items matrix."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from recbench.errors import DataError

MEMBERS = {"format.npy", "shape.npy", "data.npy"}
"""What `scipy.sparse.save_npz` writes for every format."""


def is_sparse(archive: Path) -> bool:
    """Whether a zip archive is a sparse matrix of SciPy, which is one inside."""
    try:
        with zipfile.ZipFile(archive) as bundle:
            return set(bundle.namelist()) >= MEMBERS
    except (zipfile.BadZipFile, OSError):  # whoever opens it next says what is wrong
        return False


def read_sparse(path: Path) -> pa.Table:
    """The stored entries row by row: `user` and `item` are the row and the column, `rating` is the value.

    Where every value is 1 (or True) there is no rating. Users and items without an entry are left out.

    Raises:
        DataError: a damaged file, complex numbers, stored zeros, a place that is stored more than once, or a symmetric
            matrix, which is a graph.
    """
    try:
        stored = sp.load_npz(path)
        matrix = sp.csr_matrix(stored)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no whole sparse matrix ({error})") from error
    if matrix.shape[0] == matrix.shape[1] and matrix.nnz and (abs(matrix - matrix.T)).nnz == 0:
        raise DataError(
            f"{path} is symmetric, {matrix.shape[0]:,} × {matrix.shape[1]:,}: the graph of users and items together, "
            "as LightGCN stores it; recbench reads users × items"
        )
    # What was stored, since becoming a CSR has summed some formats.
    places = sp.coo_matrix(stored)
    keys = np.sort(places.row.astype(np.int64) * matrix.shape[1] + places.col)
    if len(again := keys[1:][keys[1:] == keys[:-1]]):
        row, column = divmod(int(again[0]), matrix.shape[1])
        raise DataError(
            f"{path} stores row {row}, column {column} more than once, in all {len(again):,} values too many; keep one "
            "of each, or call sum_duplicates() before it is saved if their sum is meant"
        )
    values = np.asarray(matrix.data)
    if np.iscomplexobj(values):
        raise DataError(f"{path} stores complex numbers; ratings are real")
    if zeros := np.count_nonzero(values == 0):
        raise DataError(
            f"{path} stores {zeros:,} zeros, which may be ratings or nothing: call tocsr() and then eliminate_zeros() "
            "before it is saved, or write a table if they are ratings"
        )
    entries = matrix.tocoo()
    columns = {"user": pa.array(entries.row.astype(np.int64)), "item": pa.array(entries.col.astype(np.int64))}
    if not (values == 1).all():
        columns["rating"] = pa.array(values.astype(np.float64))
    return pa.table(columns)
