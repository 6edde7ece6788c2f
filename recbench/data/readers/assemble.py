"""From a table of raw columns to `Data`: ids are mapped, numbers parsed, and every bad row is named."""

from __future__ import annotations

from bisect import bisect_left
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

DATES = (pa.timestamp("s"), pa.timestamp("s", "UTC"))
"""How Arrow reads ISO 8601 dates: all without a zone, which are taken as UTC, or all with one."""
UNITS = (
    ("seconds", 1e11, 1),
    ("milliseconds", 1e14, 10**3),
    ("microseconds", 1e17, 10**6),
    ("nanoseconds", np.inf, 10**9),
)
"""Units of time: the largest median of a column that is in one, and how many of it are a second."""
INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"


def assemble(table: pa.Table, origin: Path, items: ItemTable | None, duplicates: Duplicates) -> Data:
    """Build `Data` from the columns `user`, `item` and, where there are any, `rating`, `timestamp` and `part`.

    `part` is the publisher's split: 0 train, 1 validation, 2 test.

    Timestamps are numbers or ISO 8601 dates, in UTC unless they name their zone. Numbers are seconds since 1970; a
    column with a median above 1e11 is in milliseconds, above 1e14 in microseconds, above 1e17 in nanoseconds. They
    become whole seconds.

    Users and items are numbered in ascending order of their raw ids, so the numbers depend neither on
    the order of the rows nor on a hash. Items of the catalogue that nobody interacted with are left out.

    Raises:
        DataError: no rows, fewer than two users, an empty id, a rating that is no number, a timestamp that is
            neither number nor date or is of another unit than most, dates without dashes, duplicates where
            `duplicates` is `error`.
    """
    if len(table) == 0:
        raise DataError(f"{origin} has no data rows")
    users, user_ids = _number(table["user"], "user", origin)
    item_rows, item_ids = _number(table["item"], "item", origin)
    if len(user_ids) < 2:
        raise DataError(f"{origin} has one user ({user_ids[0]}); collaborative filtering needs at least two")
    keep = _deduplicate(users, item_rows, user_ids, item_ids, origin, duplicates)
    ratings = _ratings(table["rating"], origin)[keep] if "rating" in table.column_names else None
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
    if pa.types.is_dictionary(column.type) and not column.null_count:
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


def _ratings(column: pa.ChunkedArray, origin: Path) -> NDArray[np.float64]:
    if pa.types.is_dictionary(column.type):
        encoded = _encoded(column, "rating", origin)
        column = pa.chunked_array([encoded])
        values: NDArray[np.float64] = _parsed(pa.chunked_array([encoded.dictionary]))[encoded.indices.to_numpy()]
    else:
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            column = _strings(column, "rating", origin)
        values = _parsed(column)
    if len(bad := np.flatnonzero(~np.isfinite(values))):
        value = column[int(bad[0])].as_py()
        # Not read as a point: 1,234 may be either number.
        advice = "; write decimals with a point" if "," in str(value) else ""
        raise DataError(f"{origin}: data row {bad[0] + 1} has the rating {value!r}, which is no finite number{advice}")
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
    """Timestamps as whole seconds since 1970, fractions cut off, from numbers of `UNITS` or from ISO 8601 dates."""
    if pa.types.is_temporal(column.type):
        if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
            raise DataError(f"{origin}: the timestamp column is {column.type}; expected dates or numbers")
        if column.null_count == 0:
            column = column.cast(pa.timestamp("s"), safe=False)
            return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)
    strings = _strings(column, "timestamp", origin)
    if (whole := _cast(strings, pa.int64())) is not None:
        return _one_unit(whole, strings, origin)
    dates = pc.replace_substring_regex(strings, r"(:\d\d:\d\d)\.\d+", r"\1")
    for kind in DATES:
        if (seconds := _cast(dates, kind)) is not None:
            return seconds
    numbers = _parsed(strings)
    # NaN is not below either; what is beyond int64 would become any number.
    if len(bad := np.flatnonzero(~(np.abs(numbers) < 2.0**63))):
        # Of all ways to read the column, the one that gets furthest is meant.
        row = max(int(bad[0]), *(_first_failure(dates, kind) for kind in DATES))
        raise DataError(
            f"{origin}: data row {row + 1} has the timestamp {strings[row].as_py()!r}; expected seconds since 1970, or "
            "ISO 8601 dates in every row, with a zone in all or in none"
        )
    return _one_unit(numbers, strings, origin)


def _cast(strings: pa.ChunkedArray, kind: pa.DataType) -> NDArray[np.int64] | None:
    """What the strings say as numbers or seconds; None where one of them is no such thing."""
    try:
        return np.asarray(strings.cast(kind).cast(pa.int64()).to_numpy(), dtype=np.int64)
    except pa.ArrowInvalid:
        return None


def _first_failure(strings: pa.ChunkedArray, kind: pa.DataType) -> int:
    """The first of the strings that cannot be cast, where there is one."""
    return bisect_left(range(len(strings)), True, key=lambda row: _cast(strings.slice(0, row + 1), kind) is None)


def _one_unit(
    times: NDArray[np.int64] | NDArray[np.float64], written: pa.ChunkedArray, origin: Path
) -> NDArray[np.int64]:
    """The seconds of times in the unit that their median tells."""
    if _are_days(times):
        raise DataError(
            f"{origin}: the timestamps look like dates without dashes ({written[0].as_py()}); write them as 2020-12-31"
        )
    magnitudes = np.abs(times.astype(np.float64))
    median = np.median(magnitudes)
    name, limit, second = next(unit for unit in UNITS if median <= unit[1])
    if len(beyond := np.flatnonzero(magnitudes > limit)):
        row = int(beyond[0])
        raise DataError(
            f"{origin}: data row {row + 1} has the timestamp {written[row].as_py()!r}, and most are in {name}; "
            "write all of them in seconds"
        )
    return np.floor_divide(times, second).astype(np.int64)


def _are_days(times: NDArray[np.int64] | NDArray[np.float64]) -> bool:
    """Whether all are the digits of a date from 1900 on, which as seconds would all be of the year 1970."""
    year, month, day = times // 10**4, times // 100 % 100, times % 100
    return bool(((year >= 1900) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


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
