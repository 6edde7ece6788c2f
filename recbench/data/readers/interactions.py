"""Reading the file with the interactions, whatever it is: the format is recognized by content.

A table has one column a role (`user`, `item`, and `rating` and `timestamp` where there are any).
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recbench.data.readers.columns import find_roles
from recbench.data.readers.tables import first_line, parse, read_text, split_line
from recbench.errors import DataError

PARQUET = b"PAR1"
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
TRIPLE = ("user", "item", "rating", "timestamp")
"""The order of columns where there is no header, as in MovieLens, FilmTrust and the Amazon rating files."""


def read_table(path: Path) -> pa.Table:
    """Read one file of interactions.

    - Parquet;
    - text with a header: comma, semicolon or tab separated, RecBole's `.inter` with its typed header;
    - text without one (its first line holds a number): `user item`, `user item rating` or
      `user item rating timestamp`, separated by tabs (`u.data`), `::` (`ratings.dat`), commas or spaces.

    Raises:
        DataError: no such format, missing columns, no data rows.
    """
    with path.open("rb") as file:
        magic = file.read(len(PARQUET))
    return _read_parquet(path) if magic == PARQUET else _read_delimited(path)


def _read_parquet(path: Path) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        roles = find_roles(file.schema_arrow.names, path)
        table = file.read(columns=[file.schema_arrow.names[at] for at in roles.values()])
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is no whole Parquet file ({str(error).splitlines()[0]})") from error
    # Parquet gives the columns in the file's order, whatever order was asked for.
    return pa.table({role: table.column(file.schema_arrow.names[at]) for role, at in roles.items()})


def _read_delimited(path: Path) -> pa.Table:
    text = read_text(path)
    if not text:
        raise DataError(f"{path} has no data rows")
    if b"\x00" in text[:4096]:
        raise DataError(f"{path} is a binary file; recbench reads delimited text, Parquet, and both in zip archives")
    delimiter = _delimiter(first_line(text))
    if delimiter == " ":  # files of triples align their columns with runs of blanks
        text = re.sub(rb"(?m)^ | (?=\r?$)", b"", re.sub(rb"[ \t]+", b" ", text))
    fields = split_line(first_line(text), delimiter)
    if header := not any(NUMBER.fullmatch(field) for field in fields):
        roles = find_roles(fields, path)
    elif 2 <= len(fields) <= len(TRIPLE):
        roles = {role: at for at, role in enumerate(TRIPLE[: len(fields)])}
    else:
        raise DataError(
            f"{path} has no header and {len(fields)} columns; without a header, rows read "
            "'user item', 'user item rating' or 'user item rating timestamp'"
        )
    names = [str(at) for at in range(len(fields))]
    keep = [names[at] for at in roles.values()]
    return parse(text, path, names, delimiter, header=header, keep=keep).rename_columns(list(roles))


def _delimiter(line: str) -> str:
    return next((mark for mark in ("\t", "::", ",", ";") if mark in line), " ")
