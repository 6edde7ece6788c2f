"""The lock of a run's folder: any number of harnesses compute in it together; clearing up is done alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recbench.errors import DataError
from recbench.store.files import make_folder, writing

LOCK = ".lock"


@contextmanager
def hold(folder: Path, *, alone: bool = False) -> Iterator[None]:
    """Hold the folder, which is made if need be, for as long as the context lasts.

    The kernel lets go of the lock when the process ends, however it ends. Windows has no such lock, and
    there nothing is held.

    Args:
        folder: the run's.
        alone: nobody else may hold it; else nobody else may hold it alone.

    Raises:
        DataError: somebody holds it.
        StoreError: the folder cannot be written to.
    """
    with writing(folder):
        make_folder(folder)
        file = (folder / LOCK).open("ab")
    with file:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError:
                doing = "a run is computing in" if alone else "somebody is clearing up"
                raise DataError(f"{doing} {folder}; wait until it has ended") from None
        yield
