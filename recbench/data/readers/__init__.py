"""`read_interactions`: a file, a folder or a zip archive in the field's formats becomes `Data`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recbench.data.archive import extract
from recbench.data.dataset import Data
from recbench.data.readers.assemble import Duplicates, assemble
from recbench.data.readers.interactions import read_table
from recbench.data.readers.items import (
    ItemTable,
    read_movielens_1m,
    read_movielens_100k,
    read_movielens_csv,
    read_recbole,
)
from recbench.errors import DataError

__all__ = ["Duplicates", "read_interactions"]

ZIP = b"PK\x03\x04"
TABLES = (".csv", ".tsv", ".parquet", ".inter", ".dat", ".data", ".txt")


@dataclass(frozen=True)
class Layout:
    """A folder of the field: the file (a glob) with the interactions, the one with the items, and its reader."""

    interactions: str
    items: str
    read_items: Callable[[Path], ItemTable]


LAYOUTS = (
    Layout("u.data", "u.item", read_movielens_100k),
    Layout("ratings.dat", "movies.dat", read_movielens_1m),
    Layout("ratings.csv", "movies.csv", read_movielens_csv),
    Layout("*.inter", "*.item", read_recbole),
)


def read_interactions(path: Path | str, duplicates: Duplicates = "error") -> Data:
    """Read a data set; the format is recognized by content.

    Args:
        path: a file (see `recbench.data.readers.interactions.read_table`), a folder in the layout of
            MovieLens 100K, 1M or 20M or of RecBole, a folder with one file, or a zip archive of these.
        duplicates: what becomes of a (user, item) pair that occurs more than once: `error`, or keep the
            `first` or `last` row of the file.

    Raises:
        DataError: nothing there, an unknown format, a truncated archive, missing columns, values that
            are no numbers, no rows, fewer than two users, duplicates.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give a file or folder with the interactions")
    try:
        if path.is_dir():
            return _read_folder(path, duplicates)
        with path.open("rb") as file:
            magic = file.read(len(ZIP))
        # Known by its beginning: a truncated archive has lost the end by which zipfile knows one.
        return _read_zip(path, duplicates) if magic == ZIP else assemble(read_table(path), path, None, duplicates)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error


def _read_zip(archive: Path, duplicates: Duplicates) -> Data:
    with tempfile.TemporaryDirectory() as unpacked:
        extract(archive, Path(unpacked))
        try:
            return _read_folder(Path(unpacked), duplicates)
        except DataError as error:  # name the archive, which outlives the folder
            raise DataError(str(error).replace(unpacked, str(archive))) from error


def _read_folder(folder: Path, duplicates: Duplicates) -> Data:
    for layout in LAYOUTS:
        if found := sorted(folder.glob(layout.interactions)):
            path = _only(found, folder)
            catalogs = sorted(folder.glob(layout.items))
            catalog = layout.read_items(_only(catalogs, folder)) if catalogs else None
            return assemble(read_table(path), path, catalog, duplicates)
    if tables := sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLES):
        path = _only(tables, folder)
        return assemble(read_table(path), path, None, duplicates)
    # Archives wrap their files in a folder of their own; one made on a Mac adds a second, hidden in effect.
    inner = [path for path in folder.iterdir() if path.is_dir() and path.name != "__MACOSX"]
    if len(inner) == 1:
        return _read_folder(inner[0], duplicates)
    layouts = ", ".join(layout.interactions for layout in LAYOUTS)
    raise DataError(f"{folder} holds no data set that recbench knows ({layouts}, or one {'/'.join(TABLES)} file)")


def _only(paths: list[Path], folder: Path) -> Path:
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths[:6])
        raise DataError(f"{folder} holds {len(paths)} tables ({names}); name the file that you mean")
    return paths[0]
