"""The zygote: a small process that has imported what is heavy and starts one worker a task.

It is a child of the harness. It owns the workers: it watches their deadlines, copies their logs, reaps
them, and kills whatever a task leaves behind. It runs no plugin, holds one thread and never touches a
GPU, so its forks inherit no lock and no device.

The harness sends a task a line, and is sent `{"key", "pid"}` when its worker starts and, when it has
ended, `{"key", "code", "heard", "overdue", "wall_seconds", "cpu_seconds", "peak_bytes"}`, where `heard` is
what the worker told of itself (see `worker.run`).
When the harness closes the channel or dies, the zygote kills everything and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from recbench.execution import worker
from recbench.execution.log import BoundedLog
from recbench.execution.process import (
    LINUX,
    adopt_orphans,
    children,
    interpreter,
    kill_group,
    notice_death_of,
    resident_bytes,
    thread_environment,
)

IMPORT_SECONDS = 300.0
"""How long a task's imports may take before its own deadline begins."""
OWN = frozenset({"numpy", "pandas", "recbench", "scipy", "torch"})
"""The packages that are imported here as they are asked for; others are tried in another process first."""
TRIAL_SECONDS = 60
"""How long such a trial may take."""
GRACE_SECONDS = 2.0
"""Between asking a worker to end (TERM) and ending it (KILL)."""
LOOK_SECONDS = 0.1
"""How often the memory in use is looked at, of tasks that are held to it."""
HANDLED = (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


@dataclass
class Worker:
    """A task that runs.

    Attributes:
        report: the pipe on which the worker tells how it goes, non-blocking.
        heard: what it has told: `started`, then `status` and `reason`.
        began: when it started; from the call of its function on, when that was.
        overdue: it has been asked to end.
    """

    task: dict[str, Any]
    log: BoundedLog
    report: int
    began: float = field(default_factory=time.monotonic)
    deadline: float = field(default_factory=lambda: time.monotonic() + IMPORT_SECONDS)
    overdue: bool = False
    heard: dict[str, Any] = field(default_factory=dict)
    unfinished: bytes = b""

    @property
    def watched(self) -> bool:
        """Whether its memory in use has to be looked at."""
        limits = self.task["limits"]
        return LINUX and limits["resident"] and limits["memory_bytes"] is not None and "started" in self.heard

    def listen(self) -> bool:
        """Take in what has been told; False at the end."""
        try:
            chunk = os.read(self.report, 1 << 16)
        except BlockingIOError:
            return True
        *lines, self.unfinished = (self.unfinished + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            self.heard |= message
            if "started" in message and not self.overdue:
                self.began = time.monotonic()
                self.deadline = self.began + self.task["limits"]["seconds"]
        return bool(chunk)


class Zygote:
    """The loop of the process.

    Args:
        channel: to the harness.
        harness: its process id.
        root: the store's.
        jobs: workers at once.
        fork: fork the workers; else start a fresh interpreter for each.
    """

    def __init__(self, channel: socket.socket, harness: int, root: Path, jobs: int, fork: bool) -> None:
        self._channel = channel
        self._harness = harness
        self._root = root
        self._jobs = jobs
        self._forks = fork
        self._received = bytearray()
        self._waiting: deque[dict[str, Any]] = deque()
        self._workers: dict[int, Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ, self._receive)
        self._wake, wakes = socket.socketpair()
        for end in (self._wake, wakes):
            end.setblocking(False)
        self._wakes = wakes  # kept: signals write to it
        self._selector.register(self._wake, selectors.EVENT_READ, self._awake)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Until the harness closes the channel or dies."""
        while os.getppid() == self._harness:
            events = [key for key, _ in self._selector.select(self._patience())]
            if not all(key.data() for key in events):
                return
            if any(key.fileobj is self._wake for key in events):
                self._reap()
            self._enforce()
            while self._waiting and len(self._workers) < self._jobs:
                self._start(self._waiting.popleft())

    def stop(self) -> None:
        """Kill every worker and whatever they started, and see it gone."""
        patience = time.monotonic() + 5.0
        while time.monotonic() < patience:
            for pid in {*self._workers, *children()}:
                kill_group(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.005)

    def _patience(self) -> float:
        # One second at most: where the kernel does not tell, the harness's death is noticed by looking.
        now = time.monotonic()
        patience = [running.deadline - now for running in self._workers.values()]
        if any(running.watched for running in self._workers.values()):
            patience.append(LOOK_SECONDS)
        return max(min(patience, default=1.0), 0.0)

    def _receive(self) -> bool:
        chunk = self._channel.recv(1 << 16)
        self._received += chunk
        *lines, self._received = self._received.split(b"\n")
        self._waiting.extend(json.loads(line) for line in lines)
        return bool(chunk)

    def _awake(self) -> bool:
        self._wake.recv(1 << 16)
        return True

    def _send(self, **message: Any) -> None:
        self._channel.sendall(json.dumps(message).encode() + b"\n")

    def _start(self, task: dict[str, Any]) -> None:
        log = BoundedLog(self._root / "logs" / f"{task['key']}.log")
        report, reporter = os.pipe()
        os.set_blocking(report, False)
        running = Worker(task, log, report)
        for descriptor, read in ((log.pipe, log.drain), (report, running.listen)):
            self._selector.register(descriptor, selectors.EVENT_READ, partial(self._follow, descriptor, read))
        pid = (self._fork if self._forks else self._spawn)(task, log.writer, reporter)
        self._workers[pid] = running
        os.close(log.writer)
        os.close(reporter)
        self._send(key=task["key"], pid=pid)

    def _follow(self, descriptor: int, read: Callable[[], bool]) -> bool:
        if not read():
            self._selector.unregister(descriptor)
        return True

    def _fork(self, task: dict[str, Any], log: int, report: int) -> int:
        zygote = os.getpid()
        # A signal for the zygote must not run its handler in the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                for signum in HANDLED:
                    signal.signal(signum, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
                os.dup2(log, 1)
                os.dup2(log, 2)
                # Nothing of the zygote's runs here again, so nothing else will close these numbers.
                for key in self._selector.get_map().values():
                    os.close(key.fd)
                self._selector.close()
                os.close(self._wakes.fileno())
                os.close(log)
                os.environ.update(thread_environment(task["limits"]["threads"]))
                worker.run(task, self._root, report, zygote)
            finally:
                os._exit(1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return pid

    def _spawn(self, task: dict[str, Any], log: int, report: int) -> int:
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(task).encode())
            file.seek(0)
            os.set_inheritable(report, True)
            command = interpreter("recbench.execution.worker", str(self._root), str(report), str(os.getpid()))
            streams = [(os.POSIX_SPAWN_DUP2, source, at) for at, source in enumerate((file.fileno(), log, log))]
            environment = os.environ | thread_environment(task["limits"]["threads"])
            return os.posix_spawn(command[0], command, environment, file_actions=streams)

    def _enforce(self) -> None:
        now = time.monotonic()
        for pid, running in self._workers.items():
            if now >= running.deadline:
                kill_group(pid, signal.SIGKILL if running.overdue else signal.SIGTERM)
                running.overdue = True
                running.deadline = now + GRACE_SECONDS
            if running.watched:
                self._weigh(pid, running)

    def _weigh(self, pid: int, running: Worker) -> None:
        allowed = running.task["limits"]["memory_bytes"]
        grown = resident_bytes(pid) - running.heard["held"]
        if grown > allowed:
            kill_group(pid, signal.SIGKILL)
            reason = f"{grown / 1e9:.2f} GB of memory in use; {allowed / 1e9:.2f} are allowed"
            running.heard |= {"status": "out-of-memory", "reason": reason}

    def _reap(self) -> None:
        ended = []
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid in self._workers:
                    kill_group(pid, signal.SIGKILL)
                    ended.append((self._workers.pop(pid), status, usage))
        # A worker adopts what its task orphans, so a child that is no worker outlived its worker.
        for pid in children() - self._workers.keys():
            kill_group(pid, signal.SIGKILL)
        for running, status, usage in ended:
            self._report(running, status, usage)

    def _report(self, running: Worker, status: int, usage: resource.struct_rusage) -> None:
        for descriptor in (running.log.pipe, running.report):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        running.log.close()
        running.listen()
        os.close(running.report)
        self._send(
            key=running.task["key"],
            code=os.waitstatus_to_exitcode(status),
            heard=running.heard,
            overdue=running.overdue,
            wall_seconds=time.monotonic() - running.began,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * (1024 if LINUX else 1),
        )


def preload(modules: list[str]) -> None:
    """Import once what the workers would each import. What fails here fails in the task that needs it."""
    for name in modules:
        if name.partition(".")[0] in OWN or _harmless(name):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # what an import printed would else be in every worker's log
    gc.freeze()  # a collection in a worker then leaves the shared pages alone


def _harmless(module: str) -> bool:
    """Whether a process that imports it lives on with the one thread that it had: a library may do anything."""
    if not LINUX:
        return False
    if (pid := os.fork()) == 0:
        signal.alarm(TRIAL_SECONDS)
        alone = False
        with contextlib.suppress(BaseException):
            importlib.import_module(module)
            alone = len(os.listdir("/proc/self/task")) == 1
        os._exit(0 if alone else 1)
    return os.waitpid(pid, 0)[1] == 0


def main() -> NoReturn:
    """Entry of the process: one JSON object as argument."""
    settings = json.loads(sys.argv[1])
    harness = settings["harness"]
    os.set_inheritable(settings["channel"], False)
    channel = socket.socket(fileno=settings["channel"])
    zygote = Zygote(channel, harness, Path(settings["root"]), settings["jobs"], settings["fork"])

    def end(signum: int, _frame: object) -> None:
        # The kernel sends SIGHUP when the thread that started this process ends; the harness may live on.
        if signum == signal.SIGTERM or os.getppid() != harness:
            zygote.stop()
            os._exit(0)

    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which a fresh interpreter would inherit
    signal.signal(signal.SIGHUP, end)
    signal.signal(signal.SIGTERM, end)
    if LINUX:
        notice_death_of(harness, signal.SIGHUP)
    adopt_orphans()
    if settings["fork"]:
        preload(settings["preload"])
    try:
        with contextlib.suppress(ConnectionError):
            zygote.serve()
    finally:
        zygote.stop()
    os._exit(0)
