"""What several checks look at, worked out once though each check has a process of its own.

It is pickled: into a folder that is there for one `recbench check` alone, from workers that run the plugin anyway.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from recbench.store.files import write_file

T = TypeVar("T")

_folder: Path | None = None
UNPICKLED = (pickle.PickleError, AttributeError, ImportError, TypeError)
"""What pickle raises of an object that another process could not read, as of a class made in a function."""


@contextmanager
def sharing(folder: Path) -> Iterator[None]:
    """Keep what is worked out inside in a folder, for other processes that check the same subject."""
    global _folder
    before, _folder = _folder, folder
    try:
        yield
    finally:
        _folder = before


def shared(key: str, work: Callable[[], T]) -> T:
    """What `work` returns, from the first process that had it. What it raises is not kept."""
    if _folder is None:
        return work()
    path = _folder / hashlib.sha256(key.encode()).hexdigest()
    with suppress(FileNotFoundError, *UNPICKLED):
        found: T = pickle.loads(path.read_bytes())
        return found
    made = work()
    with suppress(*UNPICKLED):
        write_file(path, pickle.dumps(made))
    return made
