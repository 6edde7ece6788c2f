"""The worker: the process in which one task runs, and nothing else."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import importlib
import json
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any, Literal, NoReturn

from recbench.errors import RuleViolation
from recbench.execution.process import LINUX, adopt_orphans, die_with, memory_limit, resident_bytes
from recbench.execution.task import Status
from recbench.store import Artifact, Store, StoreError

OUT_OF_MEMORY = re.compile(
    r"out of memory|can.?t allocate memory|not enough memory|bad_alloc|failed to map segment", re.I
)
REASON_LENGTH = 1000


def run(task: dict[str, Any], root: Path, report: int, parent: int) -> NoReturn:
    """Run the task in this process, then end the process.

    Writes JSON lines to the descriptor `report`: `{"started": true}` and the bytes `held` so far when the function
    is called, and at the end its `status` and `reason`. The artifact is in the store before that; status
    `unstored` says that the store could not be written to, for which the function is not to blame.

    Args:
        task: a `Task` as a dictionary.
        root: the store's.
        report: a pipe's descriptor.
        parent: the process without which this one has no reason to live.
    """
    os.setsid()
    die_with(parent)
    adopt_orphans()
    faulthandler.enable(file=2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed survives a crash
    worker = os.getpid()
    failure: BaseException | None = None
    status: Status | Literal["unstored"] = "ok"
    try:
        _call(task, Store(root), report)
    except BaseException as error:
        failure, status = error, "unstored" if isinstance(error, StoreError) else classify(error)
    if os.getpid() != worker:  # the function forked, and this is its child coming back
        os._exit(1)
    if failure is None:
        _send(report, status=status, reason="")
    else:
        _send(report, status=status, reason=str(failure) if status == "unstored" else one_line(failure))
        with contextlib.suppress(Exception):  # the function may have closed its streams
            traceback.print_exception(failure)
    os._exit(0)  # threads that the function left running do not keep the process alive


def _call(task: dict[str, Any], store: Store, report: int) -> None:
    module, _, name = task["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    inputs = {name: store.get(key) for name, key in task["inputs"].items()}
    limits = task["limits"]
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(limits["threads"])
    worker = os.getpid()
    _send(report, started=True, held=resident_bytes(worker) if LINUX else 0)
    with memory_limit(None if limits["resident"] else limits["memory_bytes"]):
        artifact = function(task["arguments"], inputs)
    if not isinstance(artifact, Artifact):
        raise TypeError(f"{task['function']} returned {type(artifact).__name__}; a task returns an Artifact")
    if os.getpid() == worker:
        store.put(task["key"], artifact)


def _send(report: int, **message: Any) -> None:
    os.write(report, json.dumps(message).encode() + b"\n")


def classify(error: BaseException) -> Status:
    """What an exception from a task means for it."""
    if isinstance(error, RuleViolation):
        return "invalid"
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return "out-of-memory"
    # torch has no exception of its own for the host's memory, nor has the loader of shared libraries.
    if isinstance(error, RuntimeError | ImportError) and OUT_OF_MEMORY.search(str(error)):
        return "out-of-memory"
    return "error"


def one_line(error: BaseException) -> str:
    """Type and message of an exception on one line."""
    text = " ".join("".join(traceback.format_exception_only(error)).split())
    return text.removeprefix(f"{type(error).__module__}.")[:REASON_LENGTH]


def main() -> NoReturn:
    """Entry of a fresh interpreter: the task on standard input, then root, report and parent as arguments."""
    task = json.load(sys.stdin)
    root, report, parent = sys.argv[1:]
    run(task, Path(root), int(report), int(parent))
