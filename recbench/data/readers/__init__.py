"""`read_interactions`: a file, a folder or a zip archive in the field's formats becomes `Data`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from recbench.data.archive import extract
from recbench.data.dataset import Data
from recbench.data.readers.assemble import Duplicates, assemble
from recbench.data.readers.folders import read_folder
from recbench.data.readers.interactions import ZIP, Form, read_table
from recbench.data.readers.sparse import is_sparse
from recbench.errors import DataError

__all__ = ["Duplicates", "Form", "read_interactions"]


def read_interactions(path: Path | str, duplicates: Duplicates = "error", form: Form = "auto") -> Data:
    """Read a data set; the format is recognized by content.

    Args:
        path: a file (see `recbench.data.readers.interactions.read_table`), a folder in the layout of
            MovieLens 100K, 1M or 20M, of Last.fm 2K or of RecBole, a folder with one file, a folder with
            a train, a test and perhaps a validation file, or a zip archive of these.
        duplicates: what becomes of a (user, item) pair that occurs more than once: `error`, or keep the
            `first` or `last` row of the file; a sparse matrix has no such order, so there it is an error.
        form: `table` (one line an interaction) or `sequences` (one line a user, `user item item …`) where
            numbers between blanks may be either; `auto` tells them apart where that is safe.

    Raises:
        DataError: nothing there, an unknown format, a truncated archive, missing columns, values that
            are no numbers, no rows, fewer than two users, duplicates, a file that may be of either form.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give a file or folder with the interactions")
    try:
        if path.is_dir():
            return read_folder(path, duplicates, form)
        with path.open("rb") as file:
            magic = file.read(len(ZIP))
        # Known by its beginning: a truncated archive has lost the end by which zipfile knows one.
        if magic == ZIP and not is_sparse(path):
            return _read_zip(path, duplicates, form)
        return assemble(read_table(path, form), path, None, duplicates)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error


def _read_zip(archive: Path, duplicates: Duplicates, form: Form) -> Data:
    with tempfile.TemporaryDirectory() as unpacked:
        extract(archive, Path(unpacked))
        try:
            return read_folder(Path(unpacked), duplicates, form)
        except DataError as error:  # name the archive, which outlives the folder
            raise DataError(str(error).replace(unpacked, str(archive))) from error
