"""What a plugin does beside computing: the network, files, processes. A net for mistakes, not for malice."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NETWORK = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"})
PROCESSES = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"})
CHANGES = {"os.mkdir": 0, "os.remove": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1, "os.truncate": 0}
"""Audit events that change a file, and which of their arguments names it."""


@dataclass
class Seen:
    """What happened under `watching`, as words."""

    network: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


_watchers: list[tuple[Seen, str]] = []
_installed = False


@contextlib.contextmanager
def watching() -> Iterator[Seen]:
    """Record what the code inside does, in a working folder of its own; what would reach the network fails.

    Writing is allowed in the working folder, which is also where temporary files go.
    """
    global _installed
    if not _installed:
        sys.addaudithook(_audit)  # there is no way to remove one: it stays, and does nothing unless somebody watches
        _installed = True
    seen, home, temporary = Seen(), Path.cwd(), tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        tempfile.tempdir = folder
        _watchers.append((seen, os.path.realpath(folder)))
        try:
            yield seen
        finally:
            _watchers.pop()
            tempfile.tempdir = temporary
            os.chdir(home)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watchers:
        return
    seen, folder = _watchers[-1]
    if event in NETWORK:
        seen.network.append(event)
        raise PermissionError(f"{event}: a check runs without network")
    if event in PROCESSES:
        seen.processes.append(event)
    path = _changed(event, arguments)
    if path is not None and not _allowed(os.path.realpath(path), folder):
        seen.written.append(path)


def _changed(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The file that an event changes, or None."""
    if event == "open":
        path, mode, flags = arguments
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
        return os.fsdecode(path) if writes and isinstance(path, str | bytes | os.PathLike) else None
    if event == "os.mkdir" and os.path.isdir(arguments[0]):
        return None  # it is there, so this makes nothing: matplotlib asks for its folder at every import
    return os.fsdecode(arguments[CHANGES[event]]) if event in CHANGES else None


def _allowed(path: str, folder: str) -> bool:
    # Python itself writes bytecode beside what is imported on the way.
    return Path(path).is_relative_to(folder) or path.startswith("/dev/") or "__pycache__" in Path(path).parts
