"""Reading a folder: the layouts of the field, files that were split by their publisher, or one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from recbench.data.dataset import Data
from recbench.data.readers.assemble import Duplicates, assemble
from recbench.data.readers.interactions import Form, read_table
from recbench.data.readers.items import (
    ItemTable,
    read_lastfm,
    read_movielens_1m,
    read_movielens_100k,
    read_movielens_csv,
    read_recbole,
)
from recbench.errors import DataError

TABLES = (".csv", ".tsv", ".parquet", ".inter", ".dat", ".data", ".txt", ".jsonl")
PACKED = (".gz", ".xz")
NUMBERINGS = ("user_list.txt", "item_list.txt")
"""LightGCN's lists of raw ids, beside its train and test files."""
PARTS = {"train": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1, "test": 2}
"""What the last word of a file's name says of the part that it holds: train 0, validation 1, test 2."""


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
    Layout("user_artists.dat", "artists.dat", read_lastfm),
    Layout("*.inter", "*.item", read_recbole),
)


def read_folder(folder: Path, duplicates: Duplicates, form: Form) -> Data:
    """Read a folder: one of `LAYOUTS`, a train and a test file, or one table.

    The rows of a split are those of train, validation and test, in this order.

    Raises:
        DataError: nothing that recbench knows, several tables, whatever is wrong with a file.
    """
    for layout in LAYOUTS:
        if found := sorted(folder.glob(layout.interactions)):
            catalogs = sorted(folder.glob(layout.items))
            catalog = layout.read_items(_only(catalogs, folder)) if catalogs else None
            return _assemble(found, folder, catalog, duplicates, form)
    files = sorted(path for path in folder.iterdir() if path.name not in NUMBERINGS)
    if tables := [path for path in files if _plain(path).suffix.lower() in TABLES]:
        return _assemble(tables, folder, None, duplicates, form)
    # Archives wrap their files in a folder of their own; one made on a Mac adds a second, hidden in effect.
    inner = [path for path in files if path.is_dir() and path.name != "__MACOSX"]
    if len(inner) == 1:
        return read_folder(inner[0], duplicates, form)
    layouts = ", ".join(layout.interactions for layout in LAYOUTS)
    raise DataError(f"{folder} holds no data set that recbench knows ({layouts}, or one {'/'.join(TABLES)} file)")


def _assemble(found: list[Path], folder: Path, catalog: ItemTable | None, duplicates: Duplicates, form: Form) -> Data:
    parts = {_part(path): path for path in found}
    if None in parts or not {0, 2} <= set(parts):
        path = _only(found, folder)
        return assemble(read_table(path, form), path, catalog, duplicates)
    names = ", ".join(path.name for path in found)
    if len(parts) < len(found):
        raise DataError(f"{folder} holds a part twice ({names}); keep one of each")
    # Test last: without timestamps, a user's history is in the order of the rows.
    read = {part: read_table(parts[part], form) for part in range(3) if part in parts}
    tables = [
        table.append_column("part", pa.array(np.full(len(table), part, dtype=np.int8))) for part, table in read.items()
    ]
    columns = sorted(tables[0].column_names)
    if any(sorted(table.column_names) != columns for table in tables):
        raise DataError(f"{folder}: the columns of {names} are not the same")
    try:
        whole = pa.concat_tables(table.select(columns) for table in tables)
    except pa.ArrowException:
        raise DataError(f"{folder}: a column of {names} is not of the same type in each; write them alike") from None
    return assemble(whole, folder, catalog, duplicates)


def _part(path: Path) -> int | None:
    """The part that a file's name names: `train.txt`, `NAME.train.inter`, `test.csv.gz`."""
    return PARTS.get(_plain(path).stem.lower().rpartition(".")[2])


def _plain(path: Path) -> Path:
    """The path without the ending of a packed file."""
    return path.with_suffix("") if path.suffix.lower() in PACKED else path


def _only(paths: list[Path], folder: Path) -> Path:
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths[:6])
        raise DataError(f"{folder} holds {len(paths)} tables ({names}); name the file that you mean")
    return paths[0]
