"""From a table of raw columns to `Data`: ids are mapped, numbers parsed, and every bad row is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recbench.data.catalog import Catalog
from recbench.data.dataset import Data
from recbench.data.interactions import Interactions
from recbench.data.ordering import order_by
from recbench.data.readers.items import ItemTable
from recbench.data.splits import Split
from recbench.errors import DataError

Duplicates = Literal["error", "first", "last"]
"""What becomes of a (user, item) pair that occurs more than once: an error, or the row of the file to keep."""

INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"


def assemble(table: pa.Table, origin: Path, items: ItemTable | None, duplicates: Duplicates) -> Data:
    """Build `Data` from the columns `user`, `item` and, where there are any, `rating`, `timestamp` and `part`.

    `part` is the publisher's split: 0 train, 1 validation, 2 test.

    Users and items are numbered in ascending order of their raw ids, so the numbers depend neither on
    the order of the rows nor on a hash. Items of the catalogue that nobody interacted with are left out.

    Raises:
        DataError: no rows, fewer than two users, an empty id, a rating or timestamp that is no number,
            duplicates where `duplicates` is `error`.
    """
    if len(table) == 0:
        raise DataError(f"{origin} has no data rows")
    users, user_ids = _number(table["user"], "user", origin)
    item_rows, item_ids = _number(table["item"], "item", origin)
    if len(user_ids) < 2:
        raise DataError(f"{origin} has one user ({user_ids[0]}); collaborative filtering needs at least two")
    keep = _deduplicate(users, item_rows, user_ids, item_ids, origin, duplicates)
    ratings = _floats(table["rating"], "rating", origin)[keep] if "rating" in table.column_names else None
    timestamps = _seconds(table["timestamp"], origin)[keep] if "timestamp" in table.column_names else None
    interactions = Interactions(
        users=users[keep],
        items=item_rows[keep],
        n_users=len(user_ids),
        n_items=len(item_ids),
        ratings=None if ratings is None else ratings.astype(np.float32),
        timestamps=timestamps,
    )
    published = None
    if "part" in table.column_names:
        parts = [keep & (table["part"].to_numpy() == part) for part in range(3)]
        published = Split(*(_members(interactions, users[part], item_rows[part]) for part in parts))
    catalog = Catalog() if items is None else _align(items, item_ids)
    return Data(interactions, catalog, user_ids, item_ids, published)


def _members(whole: Interactions, users: NDArray[np.int32], items: NDArray[np.int32]) -> Interactions:
    """The interactions of `whole` that are one of these pairs."""
    pairs = Interactions(users, items, whole.n_users, whole.n_items)
    return whole.select(pairs.contains(whole.users, whole.items))


def _strings(column: pa.ChunkedArray, role: str, origin: Path) -> pa.ChunkedArray:
    """The column as strings without blanks around them; a missing value is an empty one."""
    try:
        return pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.string()), ""))
    except pa.ArrowException as error:
        raise DataError(f"{origin}: the {role} column is {column.type}; expected text or numbers") from error


def _encoded(column: pa.ChunkedArray, role: str, origin: Path) -> pa.DictionaryArray:
    """The column as one dictionary of strings without blanks around them, and the place of each row in it."""
    if pa.types.is_dictionary(column.type):
        encoded = column.unify_dictionaries().combine_chunks()
    else:
        encoded = _strings(column, role, origin).dictionary_encode().unify_dictionaries().combine_chunks()
    trimmed = _strings(pa.chunked_array([encoded.dictionary]), role, origin).combine_chunks().dictionary_encode()
    return pa.DictionaryArray.from_arrays(trimmed.indices.take(encoded.indices), trimmed.dictionary)


def _number(column: pa.ChunkedArray, role: str, origin: Path) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Number the raw ids in ascending order: the number of each row, and the raw id of each number."""
    encoded = _encoded(column, role, origin)
    if (empty := encoded.dictionary.index("").as_py()) >= 0:
        row = int(np.argmax(encoded.indices.to_numpy() == empty))
        raise DataError(f"{origin}: data row {row + 1} has no {role} id")
    if pc.all(pc.match_substring_regex(encoded.dictionary, INTEGER)).as_py():
        ids = encoded.dictionary.cast(pa.int64()).to_numpy()
    else:
        ids = np.array(encoded.dictionary.to_pylist(), dtype=np.str_)
    order = np.argsort(ids)
    numbers = np.empty(len(ids), dtype=np.int32)
    numbers[order] = np.arange(len(ids), dtype=np.int32)
    return numbers[encoded.indices.to_numpy()], ids[order]


def _floats(column: pa.ChunkedArray, role: str, origin: Path) -> NDArray[np.float64]:
    if pa.types.is_dictionary(column.type):
        encoded = _encoded(column, role, origin)
        column = pa.chunked_array([encoded])
        values: NDArray[np.float64] = _parsed(pa.chunked_array([encoded.dictionary]))[encoded.indices.to_numpy()]
    else:
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            column = _strings(column, role, origin)
        values = _parsed(column)
    if len(bad := np.flatnonzero(~np.isfinite(values))):
        value = column[int(bad[0])].as_py()
        raise DataError(f"{origin}: data row {bad[0] + 1} has the {role} {value!r}, which is no finite number")
    return values


def _parsed(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """The numbers of a column; NaN where there is none."""
    try:
        values = column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:  # parse again, to find the bad value
        import pandas as pd  # 0.4 s, which good data need not wait for

        values = pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(dtype=np.float64)
    return np.asarray(values, dtype=np.float64)


def _seconds(column: pa.ChunkedArray, origin: Path) -> NDArray[np.int64]:
    """Timestamps as whole numbers: as written where they are numbers, else the seconds of an ISO 8601 date."""
    if pa.types.is_temporal(column.type) and column.null_count == 0:
        column = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    strings = _strings(column, "timestamp", origin)
    for kind in (pa.int64(), pa.timestamp("s")):
        try:
            return np.asarray(strings.cast(kind).cast(pa.int64()).to_numpy(), dtype=np.int64)
        except pa.ArrowInvalid:
            continue
    return _floats(strings, "timestamp", origin).astype(np.int64)


def _deduplicate(
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    user_ids: NDArray[Any],
    item_ids: NDArray[Any],
    origin: Path,
    duplicates: Duplicates,
) -> NDArray[np.bool_]:
    """Which rows to keep so that every (user, item) pair is there once."""
    order = order_by(items, users)
    again = (np.diff(users[order]) == 0) & (np.diff(items[order]) == 0)
    keep = np.ones(len(users), dtype=bool)
    if not again.any():
        return keep
    earlier, later = order[:-1][again], order[1:][again]
    if duplicates == "error":
        k = int(np.argmin(later))
        row = int(later[k])
        raise DataError(
            f"{origin}: {len(later)} rows repeat a (user, item) pair; the first is data row {row + 1} "
            f"(user {user_ids[users[row]]}, item {item_ids[items[row]]}, also in row {earlier[k] + 1}). Drop them"
        )
    keep[later if duplicates == "first" else earlier] = False
    return keep


def _align(items: ItemTable, item_ids: NDArray[Any]) -> Catalog:
    """The catalogue in the order of `item_ids`; an item that it does not list has an empty entry."""
    listed = {raw: k for k, raw in enumerate(items.ids)}
    rows = [listed.get(str(raw), -1) for raw in item_ids.tolist()]
    known = items.catalog
    titles, genres, texts, categories = known.titles, known.genres, known.texts, known.categories
    return Catalog(
        titles=tuple(titles[k] if k >= 0 else "" for k in rows) if titles else (),
        genres=tuple(genres[k] if k >= 0 else () for k in rows) if genres else (),
        texts=tuple(texts[k] if k >= 0 else "" for k in rows) if texts else (),
        categories=tuple(categories[k] if k >= 0 else "" for k in rows) if categories else (),
    )
