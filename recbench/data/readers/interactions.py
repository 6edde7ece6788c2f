"""Reading the file with the interactions, whatever it is: the format is recognized by content.

A table has one column a role (`user`, `item`, and `rating` and `timestamp` where there are any).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from recbench.data.readers.columns import ALIASES, find_roles, known_roles, plain
from recbench.data.readers.sequences import expand, is_sequences, read_sequences
from recbench.data.readers.sparse import is_sparse, read_sparse
from recbench.data.readers.tables import blocks, first_line, open_text, parse, rewritten, split_line
from recbench.errors import DataError

Form = Literal["auto", "table", "sequences"]
"""Whether a line is an interaction (`table`) or a user (`sequences`); `auto` looks."""

PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
KNOWN = frozenset(alias for aliases in ALIASES.values() for alias in aliases)
HISTORY = "itemidlist"
"""The column of RecBole's sequential files with the items before the last one, as `plain` writes it."""

NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
TIME = r"^\s*[1-9]\d{8,}(\.0*)?\s*$"
TRIPLE = ("user", "item", "rating", "timestamp")
"""The order of columns where there is no header, as in MovieLens, FilmTrust and the Amazon rating files."""


def read_table(path: Path, form: Form = "auto") -> pa.Table:
    """Read one file of interactions.

    - Parquet; SciPy's `.npz` of users × items;
    - JSON, one object a line, as Amazon's reviews;
    - text with a header: comma, semicolon, blank or tab separated, RecBole's `.inter` with its typed header;
    - text without one (its first line holds a number, and names no user and item column): `user item`,
      `user item rating` or `user item rating timestamp`, separated by tabs (`u.data`), `::` (`ratings.dat`), commas,
      semicolons or blanks;
    - one line a user, `user item item …`.

    Text and JSON may be packed with gzip or xz.

    Args:
        path: the file.
        form: `table` (one line an interaction) or `sequences` (one line a user) where numbers between
            blanks may be either; `auto` tells them apart where that is safe.

    Raises:
        DataError: no such format, missing columns, no data rows, a file that may be of either form, times where
            ratings should be.
    """
    with path.open("rb") as file:
        magic = file.read(len(PARQUET))
    if magic == PARQUET:
        return _read_parquet(path)
    if magic == ZIP and is_sparse(path):
        return read_sparse(path)
    with open_text(path) as file:
        start = file.tell()
        head = file.read(4096)
        file.seek(start)
        if not head:
            raise DataError(f"{path} has no data rows")
        if b"\x00" in head:
            raise DataError(
                f"{path} is a binary file; recbench reads delimited text, Parquet, and both in zip archives"
            )
        if form == "sequences":
            return read_sequences(file, path)
        return _read_records(file, path) if head.startswith(b"{") else _read_delimited(file, path, form)


def _read_parquet(path: Path) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        roles = find_roles(file.schema_arrow.names, path)
        table = file.read(columns=[file.schema_arrow.names[at] for at in roles.values()])
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is no whole Parquet file ({str(error).splitlines()[0]})") from error
    # Parquet gives the columns in the file's order, whatever order was asked for.
    return pa.table({role: table.column(file.schema_arrow.names[at]) for role, at in roles.items()})


def _read_records(file: IO[bytes], path: Path) -> pa.Table:
    start = file.tell()
    try:
        table = pa.concat_tables(map(_compact, map(_records, blocks(file))), promote_options="permissive")
    except pa.ArrowException:  # a broken file, or a column that is of one type here and of another there: look at all
        file.seek(start)
        try:
            table = _records(file.read())
        except pa.ArrowException as error:
            raise DataError(f"{path} is not JSON with one object a line ({str(error).splitlines()[0]})") from error
    roles = find_roles(table.column_names, path)
    return pa.table({role: table.column(at) for role, at in roles.items()})


def _records(text: bytes) -> pa.Table:
    # One block: a record may be longer than the blocks that Arrow cuts by itself.
    return pa_json.read_json(pa.BufferReader(text), pa_json.ReadOptions(block_size=len(text)))


def _compact(block: pa.Table) -> pa.Table:
    """The block with repeated texts as dictionaries, and nothing but the names of columns that have no role."""

    def compact(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
        if plain(name) not in KNOWN:
            return pa.nulls(len(column))
        repeats = pa.types.is_string(column.type) and plain(name) not in ALIASES["timestamp"]
        return column.dictionary_encode() if repeats else column

    names = block.column_names
    return pa.table([compact(*named) for named in zip(names, block.columns, strict=True)], names)


def _read_delimited(file: IO[bytes], path: Path, form: Form) -> pa.Table:
    start = file.tell()
    line = first_line(file.readline())
    file.seek(start)
    delimiter = _delimiter(line)
    if delimiter == " ":
        line = first_line(_single_blanks(line.encode()))
    fields = split_line(line, delimiter)
    # The name of a column may be a number, such as 2019.
    if header := {"user", "item"} <= known_roles(fields).keys() or not any(map(NUMBER.fullmatch, fields)):
        roles = find_roles(fields, path)
        if HISTORY in (known := [plain(field) for field in fields]):
            roles = {"user": roles["user"], "history": known.index(HISTORY), "item": roles["item"]}
    elif form == "auto" and delimiter == " " and is_sequences(file, path):
        return read_sequences(file, path)
    elif 2 <= len(fields) <= len(TRIPLE):
        roles = {role: at for at, role in enumerate(TRIPLE[: len(fields)])}
    else:
        raise DataError(
            f"{path} has no header and {len(fields)} columns; without a header, rows read "
            "'user item', 'user item rating' or 'user item rating timestamp'"
        )
    names = [str(at) for at in range(len(fields))]
    keep = [names[at] for at in roles.values()]
    repeating = [] if "history" in roles else [names[at] for role, at in roles.items() if role != "timestamp"]
    text = rewritten(file, _single_blanks) if delimiter == " " else file
    table = parse(text, path, names, delimiter, header=header, keep=keep, repeating=repeating)
    table = table.rename_columns(list(roles))
    if not header and "rating" in roles and _are_times(table["rating"]):
        raise DataError(
            f"{path} has no header, and its third column, which should be ratings, looks like times: put a line that "
            f"names the columns over it, such as '{delimiter.join(('user_id', 'item_id', 'timestamp'))}'"
        )
    return expand(table["user"], table["history"], table["item"], path) if "history" in roles else table


def _are_times(ratings: pa.ChunkedArray) -> bool:
    """Whether all are whole numbers so high that nobody rates with them: seconds since 1970 from 1973 on, and finer."""
    distinct = ratings.unify_dictionaries().chunk(0).dictionary
    return bool(pc.all(pc.match_substring_regex(distinct, TIME)).as_py())


def _single_blanks(text: bytes) -> bytes:
    """Whole lines with one blank between fields: files of triples align their columns with runs of them."""
    return re.sub(rb"(?m)^ | (?=\r?$)", b"", re.sub(rb"[ \t]+", b" ", text))


def _delimiter(line: str) -> str:
    # Between semicolons, decimals are often written with a comma.
    marks = (";", ",") if line.count(";") > line.count(",") else (",", ";")
    return next((mark for mark in ("\t", "::", *marks) if mark in line), " ")
