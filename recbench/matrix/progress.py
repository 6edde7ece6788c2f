"""Progress of a run: a live bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, TextIO

LINE_SECONDS = 5.0


class Progress(Protocol):
    """A display of cells; a context manager."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def update(self, done: int, failed: int) -> None:
        """So many cells are done, so many of them without success."""

    def busy(self, labels: Sequence[str]) -> None:
        """These stages are running."""


def progress(total: int, stream: TextIO | None = None) -> Progress:
    """A display for `total` cells on `stream` (stderr by default)."""
    stream = stream or sys.stderr
    return LiveProgress(total, stream) if stream.isatty() else PlainProgress(total, stream)


class PlainProgress:
    """Lines for logs and pipes, at most one every few seconds."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = total
        self._stream = stream
        self._begun = self._written = time.monotonic()
        self._done = self._failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, done: int, failed: int) -> None:
        self._done, self._failed = done, failed
        self._write("")

    def busy(self, labels: Sequence[str]) -> None:
        self._write(f"; now: {labels[0]}" if labels else "")

    def _write(self, doing: str) -> None:
        now = time.monotonic()
        if now - self._written < LINE_SECONDS:
            return
        self._written = now
        left = (now - self._begun) / self._done * (self._total - self._done) if self._done else None
        failures = f", {self._failed} failed" if self._failed else ""
        estimate = "" if left is None else f", about {left:.0f} s left"
        print(f"{self._done}/{self._total} cells{failures}{estimate}{doing}", file=self._stream, flush=True)


class LiveProgress:
    """A bar with rate, time left and failures."""

    def __init__(self, total: int, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cells{task.fields[failures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, failures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, done: int, failed: int) -> None:
        self._bar.update(self._task, completed=done, failures=f", {failed} failed" if failed else "")

    def busy(self, labels: Sequence[str]) -> None:
        self._bar.update(self._task, description=labels[0] if labels else "")
