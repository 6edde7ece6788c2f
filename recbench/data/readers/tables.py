"""Delimited text as Arrow tables of strings: ids such as `007` must survive, and every bad value be named."""

from __future__ import annotations

import csv
import gzip
import lzma
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from recbench.errors import DataError

GZIP = b"\x1f\x8b"
XZ = b"\xfd7zXZ\x00"


def read_text(path: Path) -> bytes:
    """The content of a text file, unpacked where it is gzip or xz, without a byte order mark.

    Raises:
        DataError: the file cannot be read, or is a truncated or damaged gzip or xz file.
    """
    try:
        content = path.read_bytes()
        if content.startswith(GZIP):
            content = gzip.decompress(content)
        elif content.startswith(XZ):
            content = lzma.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is no whole gzip file ({error}); fetch it again") from error
    except lzma.LZMAError as error:
        raise DataError(f"{path} is no whole xz file ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    return content.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")


def first_line(text: bytes) -> str:
    """The first line, decoded leniently: it is only looked at to recognize a format."""
    return text[: text.find(b"\n") if b"\n" in text else None].decode("utf-8", errors="replace").rstrip("\r")


def split_line(line: str, delimiter: str) -> list[str]:
    """The fields of one line; quotes count only between commas and semicolons."""
    if delimiter in (",", ";"):
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]
    return [field.strip() for field in line.split(delimiter)]


def parse(
    text: bytes,
    origin: Path,
    names: Sequence[str],
    delimiter: str,
    *,
    header: bool = False,
    keep: Collection[str] | None = None,
    encoding: str = "utf-8",
) -> pa.Table:
    """Parse delimited text into columns of strings.

    Args:
        text: the whole file, as `read_text` gives it.
        origin: the file, for messages.
        names: the names of all columns, left to right.
        delimiter: `::` or one character; fields are quoted only between commas and semicolons.
        header: whether the first line is a header, to be skipped.
        keep: the columns to return; None returns all.
        encoding: of the text.

    Raises:
        DataError: no data rows, a row with another number of fields, text in another encoding.
    """
    if header:
        text = text[text.find(b"\n") + 1 :] if b"\n" in text else b""
    if not text or text.isspace():
        raise DataError(f"{origin} has no data rows")
    if delimiter == "::":  # Arrow knows delimiters of one character only
        text, delimiter = text.replace(b"::", b"\x1f"), "\x1f"
    try:
        return pa_csv.read_csv(
            pa.BufferReader(text),
            read_options=pa_csv.ReadOptions(column_names=list(names), encoding=encoding),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if delimiter in (",", ";") else False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(names if keep is None else keep),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{origin}: {reason}; every row needs the same fields, as UTF-8 text") from error
