"""Progress of a run: a live bar on a terminal, a line every few seconds elsewhere, or events as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from recbench.execution import Task, TaskResult

LINE_SECONDS = 5.0
BLAMED = {
    "prepare": "dataset",
    "craft": "attacker",
    "simulate": "defense",
    "sanitize": "defense",
    "fit": "recommender",
    "perturb": "attacker",
}
"""The axis whose component does the work of a stage."""

ENDED = ("status", "reason", "wall_seconds", "cpu_seconds", "peak_bytes", "log")
"""What a machine is told of the result of a stage."""

StageEvent = Task | TaskResult | None
"""A stage that starts, a stage that has ended, or nothing new for a while."""

Record = Mapping[str, Any]


class Progress(Protocol):
    """A display of a run; a context manager."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def begin(self, plan: Mapping[str, Any]) -> None:
        """The run starts.

        Args:
            plan: `suite`, `version`, `folder`, and how many `cells` there are; how many of them are `wanted`
                now, `skipped` and `broken`.
        """

    def stage(self, event: StageEvent) -> None:
        """Something happens to a stage, or a few seconds have passed."""

    def cell(self, record: Record) -> None:
        """A wanted cell is done."""


def progress(stream: TextIO | None = None) -> Progress:
    """A display for people on `stream` (stderr by default)."""
    stream = stream or sys.stderr
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)


def culprit(record: Record) -> str:
    """The name of the component in which a cell failed; `ease under trim` for training that two of them share."""
    question, stage = record["question"], record["stage"]
    if stage not in BLAMED:
        return "metrics"
    part = question[BLAMED[stage]]
    name: str = part if isinstance(part, str) else part["name"]
    # A detector's verdict is there when a fit begins: a defense without one is a way of training.
    if stage == "fit" and question["defense"]["name"] != "none" and not record["artifacts"]["verdict"]:
        return f"{name} under {question['defense']['name']}"
    return name


@dataclass
class Tally:
    """Where a run stands, in words."""

    total: int = 0
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    failures: Counter[str] = field(default_factory=Counter)
    running: dict[str, str] = field(default_factory=dict)

    def stage(self, event: StageEvent) -> None:
        if isinstance(event, Task):
            self.running[event.key] = event.label
        elif event is not None:
            self.running.pop(event.task.key, None)

    def cell(self, record: Record) -> None:
        self.done += 1
        if record["status"] != "ok":
            self.failures[culprit(record)] += 1

    def __str__(self) -> str:
        words = [f"{self.done}/{self.total} cells"]
        if self.done:
            seconds = (time.monotonic() - self.begun) / self.done
            words += [f"{60 / seconds:.3g} a minute", f"about {seconds * (self.total - self.done):.0f} s left"]
        if self.failures:
            blamed = ", ".join(f"{name} {count}" for name, count in self.failures.most_common())
            words.append(f"{self.failures.total()} failed ({blamed})")
        now = next(iter(self.running.values()), "")
        return ", ".join(words) + (f"; now: {now}" if now else "")


class PlainProgress:
    """Lines for logs and pipes, at most one every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._tally = Tally()
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, plan: Mapping[str, Any]) -> None:
        self._tally = Tally(plan["wanted"])

    def stage(self, event: StageEvent) -> None:
        self._tally.stage(event)
        self._write()

    def cell(self, record: Record) -> None:
        self._tally.cell(record)
        self._write()

    def _write(self) -> None:
        now = time.monotonic()
        if now - self._written >= LINE_SECONDS:
            self._written = now
            print(self._tally, file=self._stream, flush=True)


class LiveProgress:
    """A bar, and the same words beside it."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
        from rich.table import Column

        words = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
        self._bar = Bar(
            BarColumn(bar_width=20), TimeElapsedColumn(), words, console=Console(file=stream), transient=True
        )
        self._task = self._bar.add_task("", total=None)
        self._tally = Tally()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, plan: Mapping[str, Any]) -> None:
        self._tally = Tally(plan["wanted"])
        self._bar.update(self._task, total=plan["wanted"])

    def stage(self, event: StageEvent) -> None:
        self._tally.stage(event)
        self._show()

    def cell(self, record: Record) -> None:
        self._tally.cell(record)
        self._show()

    def _show(self) -> None:
        self._bar.update(self._task, completed=self._tally.done, description=str(self._tally))


class JsonProgress:
    """One JSON object a line: its `event`, and `at`, the seconds since the run began."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, plan: Mapping[str, Any]) -> None:
        self.write("plan", plan)

    def stage(self, event: StageEvent) -> None:
        if isinstance(event, Task):
            self.write("stage-started", _about(event))
        elif event is not None:
            self.write("stage-ended", _about(event.task) | {name: getattr(event, name) for name in ENDED})

    def cell(self, record: Record) -> None:
        self.write("cell-done", record)

    def write(self, event: str, content: Mapping[str, Any]) -> None:
        """Write an event."""
        line = {"event": event, "at": round(time.monotonic() - self._begun, 3), **content}
        print(json.dumps(line, ensure_ascii=False), file=self._stream, flush=True)


def _about(task: Task) -> dict[str, str]:
    return {"key": task.key, "kind": task.function.rpartition(":")[2], "label": task.label}
