"""`LocalExecutor`: tasks in processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from recbench.errors import RecbenchError
from recbench.execution.process import LINUX, interpreter, kill_group, thread_environment
from recbench.execution.task import Limits, Status, Task, TaskResult
from recbench.execution.zygote import IMPORT_SECONDS
from recbench.store import Store, StoreError
from recbench.store.files import to_json, writing
from recbench.store.store import check_key

# numpy.random, which NumPy loads late, so that all tasks find its global generator in the same state.
PRELOAD = ("numpy", "numpy.random", "scipy.sparse", "recbench.contracts")

FORKABLE = {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""For a process that forks: pyarrow, which pandas loads, must start no thread in it; and all objects come from glibc,
in huge pages where the kernel has them, so that a fork copies few page tables: a third of its time."""


class LocalExecutor:
    """Runs tasks, `jobs` at once, each in a process of its own. A context manager, for one thread.

    Args:
        store: where inputs are read from and artifacts are put.
        jobs: tasks at once.
        preload: modules that every task starts with. They must neither start threads nor touch a GPU; those of a
            plugin's libraries are left out where they do the former or cannot be imported.
        fork: fork the tasks' processes from one that has the modules; else every task starts a fresh
            interpreter, about a second slower.

    Raises:
        RecbenchError: `jobs` is below 1.
        StoreError: the store cannot be written to.
    """

    def __init__(self, store: Store, jobs: int, preload: Sequence[str] = PRELOAD, *, fork: bool = LINUX) -> None:
        if jobs < 1:
            raise RecbenchError(f"jobs is {jobs}; at least 1 task must run")
        self._store = store
        self._jobs = jobs
        self._settings = {"root": str(store.root.absolute()), "jobs": jobs, "preload": list(preload), "fork": fork}
        self._queue: dict[str, Task] = {}
        self._sent: dict[str, Task] = {}
        self._workers: dict[str, int] = {}
        self._ended: deque[TaskResult] = deque()
        store.sweep()
        self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def zygote(self) -> int:
        """The process that starts the workers, by its id; another one after it was killed."""
        return self._process.pid

    def submit(self, task: Task) -> None:
        """Queue the task.

        Raises:
            DataError: its key cannot be a file name, or its arguments are not JSON.
            ValueError: a task with its key is queued or running.
        """
        to_json(task.arguments, f"the arguments of task '{check_key(task.key)}'")
        if task.key in self._queue or task.key in self._sent:
            raise ValueError(f"task '{task.key}' is queued or running already")
        self._queue[task.key] = task
        self._feed()

    def next(self, timeout: float | None = None) -> TaskResult | None:
        """The next task that has ended. None after `timeout` seconds, or if there is nothing to wait for.

        Raises:
            StoreError: an artifact could not be written; no task is to blame, and no other one will fare better.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._ended and (self._queue or self._sent):
            patience = None if deadline is None else deadline - time.monotonic()
            if patience is not None and patience <= 0:
                return None
            self._receive(patience)
            self._feed()
        return self._ended.popleft() if self._ended else None

    def close(self) -> None:
        """Kill what runs and leave no process. What has not ended is forgotten."""
        self._channel.close()
        self._process.terminate()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._bury()
            self._queue.clear()
            self._sent.clear()

    def _launch(self) -> None:
        self._received = b""
        self._channel, other = socket.socketpair()
        settings = {**self._settings, "channel": other.fileno(), "harness": os.getpid()}
        logs = self._store.root / "logs"
        with writing(self._store.root):
            logs.mkdir(parents=True, exist_ok=True)
            log = (logs / "zygote.log").open("ab")
        with other, log:
            self._process = subprocess.Popen(
                interpreter("recbench.execution.zygote", json.dumps(settings)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(other.fileno(),),
                start_new_session=True,  # Ctrl-C is for the harness, which then closes the executor
                env=os.environ | thread_environment(Limits().threads) | FORKABLE | {"PYTHONHASHSEED": "0"},
            )

    def _feed(self) -> None:
        # As many again wait in the zygote, so that it does not idle while the harness is busy. Not more:
        # the harness must never wait for a full socket while the zygote waits for another one.
        while self._queue and len(self._sent) < 2 * self._jobs:
            task = self._queue.pop(next(iter(self._queue)))
            self._sent[task.key] = task
            self._channel.settimeout(None)
            with contextlib.suppress(ConnectionError):  # the zygote is dead; `_receive` reads what it still said
                self._channel.sendall(json.dumps(vars(task) | {"limits": vars(task.limits)}).encode() + b"\n")

    def _receive(self, patience: float | None) -> None:
        self._channel.settimeout(patience)
        try:
            chunk = self._channel.recv(1 << 16)
        except TimeoutError:
            return
        except ConnectionError:
            chunk = b""
        if not chunk:
            self._replace()
        *lines, self._received = (self._received + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "pid" in message:
                self._workers[message["key"]] = message["pid"]
            else:
                self._ended.append(self._judge(message))

    def _judge(self, message: dict[str, Any]) -> TaskResult:
        task = self._sent.pop(message["key"])
        del self._workers[task.key]
        if message["heard"].get("status") == "unstored":
            raise StoreError(message["heard"]["reason"])
        status, reason = self._status(task, message["code"], message["heard"], message["overdue"])
        return TaskResult(
            task,
            status,
            reason,
            message["wall_seconds"],
            message["cpu_seconds"],
            message["peak_bytes"],
            _log(task),
        )

    def _status(self, task: Task, code: int, heard: dict[str, Any], overdue: bool) -> tuple[Status, str]:
        if heard.get("status", "ok") != "ok":
            return heard["status"], heard["reason"]
        if self._store.has(task.key):
            return "ok", ""
        if overdue and "started" in heard:
            return "timeout", f"not done after {task.limits.seconds:g} s"
        if overdue:
            return "timeout", f"its imports were not done after {IMPORT_SECONDS:g} s"
        if code >= 0:
            return "crashed", f"exited with code {code} and without its artifact"
        if code == -signal.SIGABRT and b"std::bad_alloc" in (self._store.root / _log(task)).read_bytes():
            return "out-of-memory", "std::bad_alloc in compiled code"
        hint = "; the kernel does so when memory runs out" if code == -signal.SIGKILL else ""
        return "crashed", f"killed by {signal.Signals(-code).name}{hint}"

    def _replace(self) -> None:
        """The zygote is dead: start another.

        Tasks that it had started have crashed; the others are queued again. If it had not started any, the
        first of them counts as crashed, so that a zygote that cannot live does not go on for ever.
        """
        code = self._bury()
        reason = f"the process that starts the workers ended with code {code}; see logs/zygote.log"
        for key in list(self._workers) or list(self._sent)[:1]:
            task = self._sent.pop(key)
            self._ended.append(TaskResult(task, "crashed", reason, 0.0, 0.0, 0, _log(task)))
        self._workers.clear()
        self._queue = {**self._sent, **self._queue}
        self._sent = {}
        self._channel.close()
        self._launch()

    def _bury(self) -> int:
        """Reap a dead or killed zygote, and kill what it could not: the groups of its workers."""
        code = self._process.wait()
        for pid in self._workers.values():
            kill_group(pid, signal.SIGKILL)
        return code


def _log(task: Task) -> str:
    return f"logs/{task.key}.log"
