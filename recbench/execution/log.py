"""A log file of bounded size: a task that prints a gigabyte does not fill the disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

HEAD_BYTES = 1 << 20
TAIL_BYTES = 1 << 16
READ_BYTES = 1 << 16
"""As much as a pipe holds; for a larger buffer the allocator would fetch memory anew each time."""


class BoundedLog:
    """Copies a pipe to a file: the first `HEAD_BYTES` as they come, and at the end the last `TAIL_BYTES`.

    The end matters: the traceback is there. A log that cannot be written (the disk is full) is cut short;
    it must not stop the tasks.

    Attributes:
        pipe: the descriptor to read from, non-blocking.
        writer: the descriptor that the task writes to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._total = 0
        self._tail = b""
        self.pipe, self.writer = os.pipe()
        os.set_blocking(self.pipe, False)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.touch()

    def drain(self) -> bool:
        """Copy what is in the pipe; False when nobody can write to it any more."""
        try:
            chunk = os.read(self.pipe, READ_BYTES)
        except BlockingIOError:
            return True
        room = max(HEAD_BYTES - self._total, 0)
        self._total += len(chunk)
        self._append(chunk[:room])
        self._tail = (self._tail + chunk[room:])[-TAIL_BYTES:]
        return bool(chunk)

    def close(self) -> None:
        """Copy what is left, write the tail and close the pipe. Does not wait for other writers."""
        self.drain()
        os.close(self.pipe)
        if left_out := max(self._total - HEAD_BYTES, 0) - len(self._tail):
            self._append(f"\n[{left_out} bytes left out]\n".encode())
        self._append(self._tail)

    def _append(self, content: bytes) -> None:
        if content:
            with contextlib.suppress(OSError), self._path.open("ab") as file:
                file.write(content)
