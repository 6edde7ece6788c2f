"""What is asked of a worker, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "skipped", "error", "timeout", "out-of-memory", "crashed", "invalid"]
"""How a task or a cell ended; `skipped` is decided before anything runs."""


@dataclass(frozen=True)
class Limits:
    """What a task may use.

    Args:
        seconds: wall-clock time of the function, from its call on; imports do not count.
        memory_bytes: address space that the task may take up beyond what its process holds when the
            function is called (Linux only); None is no limit.
        threads: threads of torch, and of libraries that the task is the first to load.
        resident: hold the memory in use to that instead, by looking at it several times a second. For CUDA, whose
            driver reserves address space by the hundred GiB.
    """

    seconds: float = 600.0
    memory_bytes: int | None = None
    threads: int = 1
    resident: bool = False


@dataclass(frozen=True)
class Task:
    """One call of a function in a process of its own.

    Args:
        key: the artifact that the call leaves in the store.
        function: `"package.module:function"`, called as `function(arguments, inputs)`; returns an `Artifact`.
        arguments: JSON-able.
        inputs: the function's inputs by name, as keys of artifacts; it is given the `Artifact`s.
        limits: time, memory and threads.
        label: for people: `"fit bpr-mf on ml-100k"`.
    """

    key: str
    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    label: str = ""


@dataclass(frozen=True)
class TaskResult:
    """How a task ended.

    Args:
        task: the task.
        status: `ok` exactly where the artifact is in the store and the function did not fail.
        reason: one line; empty where the status is `ok`.
        wall_seconds: from the call of the function to the end of its process.
        cpu_seconds: of the process and the children that it waited for, imports included.
        peak_bytes: largest resident size of the process, preloaded modules included.
        log: what the task printed and the traceback; a path relative to the store's root.
    """

    task: Task
    status: Status
    reason: str
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    log: str
