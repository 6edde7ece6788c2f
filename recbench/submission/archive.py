"""`Archive`: a zip file that may be hostile, read entry by entry into memory and never unpacked.

Nothing is written and no name is used as a path, so a name cannot lead out of a folder and a link cannot point
anywhere. What could still exhaust memory or hide something from the reader is refused before it is read.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

from recbench.submission.refusal import refused, shown

MAX_FILES = 65_535
"""What a zip file holds without the 64-bit extension, which is refused."""
MAX_DIRECTORY = 256 * MAX_FILES
"""Bytes of the table of contents: names are shorter than 200 characters."""
MAX_RATIO = 100
"""How many times its size a bundle may unpack to, beyond `FREE` bytes. Lists that agree for all users reach 30."""
FREE = 64 << 20
MAX_FILE = 1 << 30
"""Bytes of one entry."""

_END = b"PK\x05\x06"
_END64 = b"PK\x06\x07"
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""What zipfile raises for a damaged file; UnicodeDecodeError and struct.error reach it as ValueError and BadZipFile."""


class Archive:
    """The entries of a zip file, each of which may be read once it has passed inspection.

    Args:
        path: of the zip file.
        label: what messages call the file.

    Raises:
        SubmissionError: not a zip file, or one with links, folders, encryption, unusual compression, two entries of
            one name, too many entries or an unreasonable size.
    """

    def __init__(self, path: Path, label: str) -> None:
        self.label = label
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                file.seek(max(size - 42, 0))
                _check_end(file.read(), label)
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise refused(label, "there is no such file", "name the file of a bundle or of profiles") from None
        except (*_DAMAGE, IndexError) as error:
            raise refused(label, f"it cannot be read as a zip file ({shown(str(error))})") from error
        try:
            self._entries = _inspected(self._zip.infolist(), size, label)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> Collection[str]:
        return self._entries.keys()

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        """The content of an entry.

        Raises:
            SubmissionError: no such entry, one of more than `limit` bytes, or a damaged one.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise refused(name, "the bundle lacks it")
        if entry.file_size > limit:
            raise refused(name, f"it is of {entry.file_size:,} bytes; at most {limit:,} are read")
        try:
            with self._zip.open(entry) as file:
                content = file.read(entry.file_size + 1)
        except _DAMAGE as error:
            raise refused(name, f"it is damaged ({shown(str(error))})") from error
        if len(content) != entry.file_size:
            raise refused(name, f"it is of {len(content):,} bytes; the table of contents says {entry.file_size:,}")
        return content


def _check_end(tail: bytes, label: str) -> None:
    """Hold the end of the file against its plainest form, so that zipfile reads no table of unknown size."""
    if tail[-22:-18] != _END or tail[-42:-38] == _END64:
        raise refused(label, "it is no plain zip file (no comment, no 64-bit extension)")
    if int.from_bytes(tail[-10:-6], "little") > MAX_DIRECTORY:
        raise refused(label, f"its table of contents is of more than {MAX_DIRECTORY:,} bytes")


def _inspected(entries: list[zipfile.ZipInfo], size: int, label: str) -> dict[str, zipfile.ZipInfo]:
    if len(entries) > MAX_FILES:
        raise refused(label, f"it holds more than {MAX_FILES:,} files")
    if min((entry.header_offset for entry in entries), default=0) != 0:
        raise refused(label, "something stands before its first entry, which no hash covers and other programs may run")
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename
        if name in found:
            raise refused(shown(name), "two entries have this name")
        if entry.flag_bits & 0x1:
            raise refused(shown(name), "it is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused(shown(name), "it is compressed otherwise than by deflate")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if name.endswith("/") or kind not in (0, stat.S_IFREG):  # 0: packed on another system than Unix
            raise refused(shown(name), "it is a folder, a link or a device; only plain files are taken")
        found[name] = entry
    total = sum(entry.file_size for entry in entries)
    if total > FREE + MAX_RATIO * size:
        raise refused(label, f"it unpacks to {total:,} bytes, more than {MAX_RATIO} times its {size:,}: a zip bomb")
    return found
