"""Delimited text as Arrow tables of strings: ids such as `007` must survive, and every bad value be named."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from recbench.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PACKINGS = {"gzip": b"\x1f\x8b", "xz": b"\xfd7zXZ\x00"}
"""How packed files begin."""
MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
BLOCK = 1 << 20
"""Bytes of text that are in memory at a time."""


@contextmanager
def open_text(path: Path) -> Iterator[IO[bytes]]:
    """A text file as a stream, unpacked where it is gzip or xz, from behind a byte order mark and empty lines.

    Raises:
        DataError: the file cannot be read, or turns out to be a truncated or damaged gzip or xz file.
    """
    try:
        with path.open("rb") as raw:
            beginning = raw.read(max(map(len, PACKINGS.values())))
            raw.seek(0)
            packing = next((name for name, magic in PACKINGS.items() if beginning.startswith(magic)), "")
            with _unpacked(raw, packing) as file:
                start = len(MARK) if file.read(len(MARK)) == MARK else 0
                file.seek(start)
                while file.read(1) in (b"\r", b"\n"):
                    start += 1
                file.seek(start)
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path} is no whole {packing} file ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error


def _unpacked(raw: IO[bytes], packing: str) -> AbstractContextManager[Any]:
    if packing == "gzip":
        return gzip.open(raw)
    return lzma.open(raw) if packing == "xz" else nullcontext(raw)


def read_text(path: Path) -> bytes:
    """The whole content of a text file, as `open_text` gives it.

    Raises:
        DataError: as `open_text`.
    """
    with open_text(path) as file:
        return file.read()


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The rest of a stream as whole lines, about `BLOCK` bytes at a time."""
    while block := file.read(BLOCK):
        yield block + file.readline()


class _Rewritten(io.RawIOBase):
    def __init__(self, file: IO[bytes], rewrite: Callable[[bytes], bytes]) -> None:
        self._blocks = map(rewrite, blocks(file))
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        wanted = memoryview(buffer)
        self._rest = self._rest or memoryview(next(self._blocks, b""))
        size = min(len(wanted), len(self._rest))
        wanted[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def rewritten(file: IO[bytes], rewrite: Callable[[bytes], bytes]) -> IO[bytes]:
    """A stream of what `rewrite` makes of the lines of another one, of which it is given some whole ones at a time."""
    return io.BufferedReader(_Rewritten(file, rewrite), BLOCK)


def first_line(text: bytes) -> str:
    """The first line, decoded leniently: it is only looked at to recognize a format."""
    return text[: text.find(b"\n") if b"\n" in text else None].decode("utf-8", errors="replace").rstrip("\r")


def split_line(line: str, delimiter: str) -> list[str]:
    """The fields of one line; quotes count only between commas and semicolons."""
    if delimiter in (",", ";"):
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]
    return [field.strip() for field in line.split(delimiter)]


def parse(
    text: bytes | IO[bytes],
    origin: Path,
    names: Sequence[str],
    delimiter: str,
    *,
    header: bool = False,
    keep: Collection[str] | None = None,
    repeating: Collection[str] = (),
    encoding: str = "utf-8",
) -> pa.Table:
    """Parse delimited text into columns of strings, block by block.

    Args:
        text: the whole file, as `read_text` gives it, or the stream of `open_text`, of which one block is in memory at
            a time.
        origin: the file, for messages.
        names: the names of all columns, left to right.
        delimiter: `::` or one character; fields are quoted only between commas and semicolons.
        header: whether the first line is a header, to be skipped.
        keep: the columns to return; None returns all.
        repeating: columns to return as dictionaries: a number a row, and every distinct text once a block.
        encoding: of the text.

    Raises:
        DataError: no data rows, a row with another number of fields, text in another encoding.
    """
    lines = io.BytesIO(text) if isinstance(text, bytes) else text
    if header:
        lines.readline()
    if delimiter == "::":  # Arrow knows delimiters of one character only
        lines, delimiter = rewritten(lines, lambda block: block.replace(b"::", b"\x1f")), "\x1f"
    distinct = pa.dictionary(pa.int32(), pa.string())
    try:
        return pa_csv.open_csv(
            lines,
            read_options=pa_csv.ReadOptions(column_names=list(names), encoding=encoding),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if delimiter in (",", ";") else False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: distinct if name in repeating else pa.string() for name in names},
                include_columns=list(names if keep is None else keep),
                strings_can_be_null=False,
            ),
        ).read_all()
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        if reason.startswith("Empty CSV file"):
            raise DataError(f"{origin} has no data rows") from None
        raise DataError(f"{origin}: {reason}; every row needs the same fields, as UTF-8 text") from error
