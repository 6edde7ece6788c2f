"""Files that are whole or absent, whatever moment the power or the process is cut at."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recbench.errors import DataError, RecbenchError


class StoreError(RecbenchError):
    """The store's folder cannot be written to: the disk is full, or read-only."""


@contextlib.contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turn what the system says against writing below `root` into a `StoreError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"the run's folder {root} cannot be written to: {reason}; mend that and run again: what is done stays done"
        ) from error


def to_json(value: Any, what: str, indent: int | None = None) -> bytes:
    """The one JSON text of `value`: keys sorted, so that equal values are equal bytes.

    Raises:
        DataError: `value` holds a number that is not finite, or something that is not JSON; `what` names it.
    """
    try:
        text = json.dumps(value, sort_keys=True, indent=indent, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        place = _not_finite(value)
        reason = f"{place.lstrip('.')} is not a finite number" if place else str(error)
        raise DataError(f"{what} cannot be written as JSON: {reason}") from None
    return (text + "\n").encode()


def _not_finite(value: Any, place: str = "") -> str | None:
    """Where in `value` the first infinity or NaN is, such as `.metrics.recall`."""
    if isinstance(value, float):
        return None if math.isfinite(value) else place or "the value"
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return next((found for key, part in parts if (found := _not_finite(part, f"{place}.{key}"))), None)


def temporary_beside(path: Path) -> Path:
    """A name in the folder of `path` that no other writer has. It is hidden, and `*.json` does not match it."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def write_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`: readers see the old file or the new one, and after a power cut one of the two."""
    make_folder(path.parent)
    temporary = temporary_beside(path)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def keep_first(temporary: Path, path: Path) -> None:
    """Have the file at `path`, too, unless one is there, which stays as it is."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            temporary.replace(path)


def make_folder(path: Path) -> None:
    """Make `path` and its parents, so that they outlast a power cut."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in the folder durable: syncing a file does not sync the name that it has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
