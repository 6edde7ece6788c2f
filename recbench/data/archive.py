"""Unpacking a zip archive that nobody has vouched for."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Container
from pathlib import Path, PurePosixPath, PureWindowsPath

from recbench.errors import DataError

MAX_UNPACKED = 4 << 30
"""Bytes. The largest archive of the field's usual data sets (MovieLens 25M) unpacks to 1.1 GB."""


def extract(
    archive: Path, into: Path, names: Container[str] | None = None, max_unpacked: int = MAX_UNPACKED
) -> list[Path]:
    """Unpack `archive` below the folder `into` and return the files written, those nearest to the root first.

    The whole archive is judged before the first byte is written; one bad member condemns it.

    Args:
        archive: a zip file; a Python wheel is one.
        into: an existing folder; nothing is written outside it.
        names: unpack only files with these names, in whatever folder of the archive; None unpacks all.
        max_unpacked: the most bytes that all members together may unpack to.

    Raises:
        DataError: the archive is truncated, damaged or encrypted, holds an absolute path, a path with
            `..` or a link, or unpacks to more than `max_unpacked` bytes.
    """
    written = []
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = [member for member in bundle.infolist() if not member.is_dir()]
            for member in bundle.infolist():
                _refuse_unsafe(member, archive)
            # zipfile never reads past a member's declared size, so the declared sum bounds the written one.
            if (total := sum(member.file_size for member in members)) > max_unpacked:
                raise DataError(f"{archive.name} unpacks to {total:,} bytes, more than the {max_unpacked:,} allowed")
            for member in members:
                path = PurePosixPath(member.filename)
                if names is not None and path.name not in names:
                    continue
                target = into / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with bundle.open(member) as packed, target.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
                written.append(target)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{archive.name} is no whole zip archive ({error}); fetch it again") from error
    except (RuntimeError, NotImplementedError) as error:  # encrypted; an unknown compression
        raise DataError(f"{archive.name} cannot be unpacked ({error})") from error
    return sorted(written, key=lambda path: (len(path.parts), path))


def _refuse_unsafe(member: zipfile.ZipInfo, archive: Path) -> None:
    name = member.filename
    # Judged by the rules of both systems: C:x is a harmless name on one of them only.
    paths = (PurePosixPath(name), PureWindowsPath(name))
    if "\\" in name or any(path.is_absolute() or path.drive or ".." in path.parts for path in paths):
        raise DataError(f"{archive.name} holds the unsafe path {name!r}; nothing was unpacked")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"{archive.name} holds the link {name!r}; nothing was unpacked")
