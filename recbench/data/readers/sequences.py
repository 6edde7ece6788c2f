"""One line a user: `user item item …`, as LightGCN (in no order) and S3-Rec (oldest first) write it.

No line of such a file says that it is one: `7 3 4` is user 7 with the items 3 and 4, or rates item 3 with a 4.
`is_sequences` says yes only where no table, not even one with a broken line, can look like this.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recbench.data.readers.tables import blocks
from recbench.errors import DataError

WIDEST_TABLE = 4
"""The fields of `user item rating timestamp`."""
CALL = "read_interactions(path, form='{}')"


def is_sequences(file: IO[bytes], origin: Path) -> bool:
    """Whether the rest of a stream, text without a header, holds one line a user instead of one line an interaction.

    It does where all fields are whole numbers, no two lines begin with the same one, some line has more
    fields than a table has columns, and lines have at least three lengths: a damaged table has one short
    line, or repeats its users: a large one mostly in the first block, which spares the rest. Lines of two fields read
    the same either way. The stream is left where it was.

    Raises:
        DataError: it may be either: no two lines begin with the same number, and the rest is not so.
    """
    start = file.tell()
    try:
        lengths = _line_lengths(file, origin)
    finally:
        file.seek(start)
    if max(lengths, default=0) <= 2:
        return False
    if max(lengths) > WIDEST_TABLE and len(lengths) >= 3:
        return True
    raise DataError(
        f"{origin} may be a table or one line a user: no two lines begin with the same number. Put the line "
        f"'user_id item_id rating' over a table, or say which it is: {CALL.format('table')}, {CALL.format('sequences')}"
    )


def _line_lengths(file: IO[bytes], origin: Path) -> set[int]:
    """How many fields the lines have: none where a field is no whole number or two lines begin with the same one."""
    users: list[pa.Array] = []
    lengths: set[int] = set()
    for block in blocks(file):
        if block.translate(None, b"0123456789 \t\r\n"):
            return set()
        lines = _fields(block, origin)
        users.append(pc.list_element(lines, 0))
        if _distinct(users[-1:]) < len(lines):
            return set()
        lengths |= set(_lengths(lines).tolist())
    return lengths if _distinct(users) == sum(map(len, users)) else set()


def read_sequences(file: IO[bytes], origin: Path) -> pa.Table:
    """The columns `user` and `item`, in the order of the lines and of the items in each; users without an item go.

    Raises:
        DataError: two lines of one user.
    """
    users: list[pa.Array] = []
    tables: list[pa.Table] = []
    for block in blocks(file):
        lines = _fields(block, origin)
        lengths, fields = _lengths(lines), pc.list_flatten(lines)
        users.append(pc.list_element(lines, 0))
        first = np.zeros(len(fields), dtype=bool)
        first[np.cumsum(lengths) - lengths] = True
        columns = {"user": users[-1].take(_owners(lengths - 1)), "item": fields.filter(pa.array(~first))}
        tables.append(pa.table({role: column.dictionary_encode() for role, column in columns.items()}))
    if (distinct := _distinct(users)) < (count := sum(map(len, users))):
        raise DataError(f"{origin}: {count} lines begin with {distinct} users; each needs a line of its own")
    return pa.concat_tables(tables)


def expand(users: pa.ChunkedArray, histories: pa.ChunkedArray, targets: pa.ChunkedArray, origin: Path) -> pa.Table:
    """The interactions of RecBole's sequential files, whose rows read `user history target`.

    Args:
        users: one row a user.
        histories: the items before the target, oldest first, separated by blanks.
        targets: the last item.

    Raises:
        DataError: a user in several rows: the file repeats the same interactions in prefixes.
    """
    if (distinct := pc.count_distinct(users).as_py()) < len(users):
        raise DataError(
            f"{origin}: {len(users)} rows of histories belong to {distinct} users, so they repeat each other; "
            "read the file with one row a user (mostly NAME.test.inter)"
        )
    joined = pc.binary_join_element_wise(histories, targets, " ").combine_chunks()
    lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(joined))
    return pa.table({"user": users.combine_chunks().take(_owners(_lengths(lists))), "item": pc.list_flatten(lists)})


def _fields(text: bytes, origin: Path) -> pa.ListArray:
    """The fields of every line that is not blank."""
    try:
        lines = pa.array(text.decode().splitlines(), pa.string())
    except UnicodeDecodeError as error:
        raise DataError(f"{origin} is not UTF-8 text ({error.reason})") from error
    lines = pc.utf8_trim_whitespace(lines)
    return pc.utf8_split_whitespace(lines.filter(pc.not_equal(lines, "")))


def _lengths(lists: pa.ListArray) -> NDArray[np.int32]:
    """How many elements each list has."""
    return np.asarray(pc.list_value_length(lists).to_numpy(zero_copy_only=False), dtype=np.int32)


def _distinct(columns: list[pa.Array]) -> int:
    """How many distinct texts some columns hold together."""
    return int(pc.count_distinct(pa.chunked_array(columns, pa.string())).as_py())


def _owners(lengths: NDArray[np.int32]) -> pa.Array:
    """For every element of lists of these lengths, the list that it is in."""
    return pa.array(np.repeat(np.arange(len(lengths)), lengths))
