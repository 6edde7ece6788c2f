"""One line a user: `user item item …`, as LightGCN (in no order) and S3-Rec (oldest first) write it.

No line of such a file says that it is one: `7 3 4` is user 7 with the items 3 and 4, or rates item 3 with a 4.
`is_sequences` says yes only where no table, not even one with a broken line, can look like this.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recbench.errors import DataError

WIDEST_TABLE = 4
"""The fields of `user item rating timestamp`."""
CALL = "read_interactions(path, form='{}')"
GLANCE = 1 << 16
"""Bytes from the beginning of a file: a large table mostly repeats a user there, which spares the rest."""


def is_sequences(text: bytes, origin: Path) -> bool:
    """Whether text without a header holds one line a user instead of one line an interaction.

    It does where all fields are whole numbers, no two lines begin with the same one, some line has more
    fields than a table has columns, and lines have at least three lengths: a damaged table has one short
    line, or repeats its users. Lines of two fields read the same either way.

    Raises:
        DataError: it may be either: no two lines begin with the same number, and the rest is not so.
    """
    if text.translate(None, b"0123456789 \t\r\n"):
        return False
    for part in (text[: text.rfind(b"\n", 0, GLANCE) + 1], text):
        lines = _fields(part, origin)
        if pc.count_distinct(pc.list_element(lines, 0)).as_py() < len(lines):
            return False
    lengths = pc.list_value_length(lines).to_numpy(zero_copy_only=False)
    if lengths.max() <= 2:
        return False
    if lengths.max() > WIDEST_TABLE and len(np.unique(lengths)) >= 3:
        return True
    raise DataError(
        f"{origin} may be a table or one line a user: no two lines begin with the same number. Put the line "
        f"'user_id item_id rating' over a table, or say which it is: {CALL.format('table')}, {CALL.format('sequences')}"
    )


def read_sequences(text: bytes, origin: Path) -> pa.Table:
    """The columns `user` and `item`, in the order of the lines and of the items in each; users without an item go.

    Raises:
        DataError: two lines of one user.
    """
    lines = _fields(text, origin)
    lengths = pc.list_value_length(lines).to_numpy(zero_copy_only=False)
    users = pc.list_element(lines, 0)
    if (distinct := pc.count_distinct(users).as_py()) < len(users):
        raise DataError(f"{origin}: {len(users)} lines begin with {distinct} users; each needs a line of its own")
    fields = pc.list_flatten(lines)
    first = np.zeros(len(fields), dtype=bool)
    first[np.cumsum(lengths) - lengths] = True
    return pa.table({"user": users.take(_owners(lengths - 1)), "item": fields.filter(pa.array(~first))})


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
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return pa.table({"user": users.combine_chunks().take(_owners(lengths)), "item": pc.list_flatten(lists)})


def _fields(text: bytes, origin: Path) -> pa.ListArray:
    """The fields of every line that is not blank."""
    try:
        lines = pa.array(text.decode().splitlines(), pa.string())
    except UnicodeDecodeError as error:
        raise DataError(f"{origin} is not UTF-8 text ({error.reason})") from error
    lines = pc.utf8_trim_whitespace(lines)
    return pc.utf8_split_whitespace(lines.filter(pc.not_equal(lines, "")))


def _owners(lengths: NDArray[np.int32]) -> pa.Array:
    """For every element of lists of these lengths, the list that it is in."""
    return pa.array(np.repeat(np.arange(len(lengths)), lengths))
