"""`RayExecutor`: tasks on the machines of a Ray cluster, each in the same isolated worker as on this one.

Ray finds a place for every slot, an actor with a `LocalExecutor` of one job, and says when its machine is lost.
Deadlines, memory limits, logs and the store's files are that executor's, on the machine where it is. So a task that
fails is a result like any other and is never tried again; one whose machine is lost has no result, and is.

Machines without a path in common have a `Share`: each keeps a store of its own, inputs reach it and artifacts leave it
through the share, and the harness's store ends with all of them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import secrets
import signal
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from recbench.data.fetch import cache_folder
from recbench.errors import RecbenchError
from recbench.execution.fingerprint import fingerprint
from recbench.execution.local import PRELOAD, LocalExecutor
from recbench.execution.task import Task, TaskResult
from recbench.store import Share, Store, StoreError
from recbench.store.files import to_json, write_file, writing
from recbench.store.store import check_key

LOSSES = 3
"""How many machines a task may outlive before it counts as crashed: it may be what brings them down."""
KNOCK_SECONDS = 10.0
NO_RESTARTS = {"max_restarts": 0, "max_task_retries": 0}
"""Ray restarts nothing by itself: what is lost is for the executor to know."""


class Slot:
    """Lives on a machine of the cluster and runs one task at a time there."""

    def __init__(self) -> None:
        self._executor: LocalExecutor | None = None
        self._share: Share | None = None

    def prepare(self, about: Mapping[str, Any]) -> str:
        """Make ready; returns why this machine cannot take part, or nothing.

        Args:
            about: `root` of the store, the URL of the `share` or nothing, the `token` that the harness has put into
                the one or the other, its `fingerprint`, `path` and `folder`, and what to `preload`.
        """
        root = Path(about["root"])
        if about["share"]:
            self._share = Share(about["share"])
            if not self._share.has(about["token"]):
                return f"{socket.gethostname()} does not see {self._share.url}; name a URL that is one for all machines"
            root = _own_root(about["share"])
        elif not (root / about["token"]).is_file():
            return (
                f"{socket.gethostname()} does not see the run's folder {root}; put it on a path that all machines "
                "share, or name a URL that they reach: --share"
            )
        sys.path.extend(entry for entry in about["path"] if entry not in sys.path)
        here, there = fingerprint(), about["fingerprint"]
        if differing := sorted(name for name in here | there if here.get(name) != there.get(name)):
            return (
                f"{socket.gethostname()} has another {', '.join(differing)} than the harness; install the same on both"
            )
        if Path(about["folder"]).is_dir():
            os.chdir(about["folder"])
        self._store = Store(root)
        self._executor = LocalExecutor(self._store, 1, about["preload"])
        return ""

    def run(self, task: Task) -> TaskResult:
        """Run the task in a worker. Who loses the process that starts its workers is lost itself: a slot whose machine
        goes down sees its children killed a moment before it ends.

        Raises:
            StoreError: its artifact could not be written, or an input not be had.
        """
        assert self._executor is not None, "prepared first"
        if self._share is not None:
            for key in task.inputs.values():
                self._share.pull(self._store, key)
        zygote = self._executor.zygote
        self._executor.submit(task)
        result = self._executor.next()
        assert result is not None
        if self._executor.zygote != zygote:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._share is not None:
            self._share.push_log(self._store, result.log)
            if result.status == "ok":
                self._share.push(self._store, task.key)
        return result


def _own_root(url: str) -> Path:
    """The store that a machine has for itself, beside its data sets: what it holds is fetched once for all slots."""
    return cache_folder().parent / "shares" / hashlib.sha256(url.encode()).hexdigest()[:16]


class RayExecutor:
    """Runs tasks, `jobs` at once, on a Ray cluster. A context manager, for one thread.

    Args:
        store: on a path that all machines share, or on any where there is a `share`.
        jobs: tasks at once; each waits for a place of its own in the cluster.
        preload: modules that every task starts with.
        address: of a running cluster (`auto`, `host:6379`); None starts one on this machine.
        cpus, gpus: what a task takes up; a fraction of a GPU is one that tasks share.
        share: a URL of fsspec that all machines reach, through which artifacts go.

    Raises:
        RecbenchError: Ray is not installed, or there is no cluster at the address.
        StoreError: the store or the share cannot be written to.
    """

    def __init__(
        self,
        store: Store,
        jobs: int,
        preload: Sequence[str] = PRELOAD,
        *,
        address: str | None = None,
        cpus: float = 1.0,
        gpus: float = 0.0,
        share: str | None = None,
    ) -> None:
        self._share = None if share is None else Share(share)
        self._ray = _connect(address, jobs, cpus)
        self._store = store
        self._jobs = jobs
        self._unprepared = 0
        self._queue: deque[Task] = deque()
        self._known: set[str] = set()
        self._losses: Counter[str] = Counter()
        self._ended: deque[TaskResult] = deque()
        self._idle: list[Any] = []
        self._under_way: dict[Any, tuple[Any, Task | None]] = {}
        self._token = f"logs/ray-{secrets.token_hex(4)}"
        if self._share is not None:
            self._share.mark(self._token)
        else:
            with writing(store.root):
                write_file(store.root / self._token, b"")
        self._about = {
            "root": str(store.root.absolute()),
            "share": share,
            "token": self._token,
            "fingerprint": fingerprint(),
            "path": sys.path,
            "folder": os.getcwd(),
            "preload": list(preload),
        }
        self._slots = self._ray.remote(num_cpus=cpus, num_gpus=gpus, **NO_RESTARTS)(Slot)
        for _ in range(jobs):
            self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, task: Task) -> None:
        """Queue the task.

        Raises:
            DataError: its key cannot be a file name, or its arguments are not JSON.
            ValueError: a task with its key is queued or running.
        """
        to_json(task.arguments, f"the arguments of task '{check_key(task.key)}'")
        if task.key in self._known:
            raise ValueError(f"task '{task.key}' is queued or running already")
        self._known.add(task.key)
        self._queue.append(task)
        self._feed()

    def next(self, timeout: float | None = None) -> TaskResult | None:
        """The next task that has ended. None after `timeout` seconds, or if there is nothing to wait for.

        Raises:
            RecbenchError: a machine that cannot take part: another build, or without the run's folder.
            StoreError: an artifact could not be written.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._ended and self._known:
            patience = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            ready, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=patience)
            if not ready:
                return None
            self._take(ready[0])
            self._feed()
        if not self._ended:
            return None
        result = self._ended.popleft()
        self._known.discard(result.task.key)
        return result

    def close(self) -> None:
        """Kill what runs; where this executor has started Ray, stop it. What has not ended is forgotten."""
        for actor in [*self._idle, *(actor for actor, _ in self._under_way.values())]:
            self._ray.kill(actor)
        self._ray.shutdown()
        if self._share is not None:
            self._share.unmark(self._token)
        else:
            (self._store.root / self._token).unlink(missing_ok=True)
        self._under_way.clear()
        self._idle.clear()
        self._queue.clear()
        self._known.clear()

    def _open(self) -> None:
        """Ask the cluster for one more place; there may be none before another machine joins."""
        actor = self._slots.remote()
        self._under_way[actor.prepare.remote(self._about)] = (actor, None)

    def _feed(self) -> None:
        while self._queue and self._idle:
            actor, task = self._idle.pop(), self._queue.popleft()
            if self._share is not None:
                for key in task.inputs.values():
                    self._share.push(self._store, key)
            self._under_way[actor.run.remote(task)] = (actor, task)

    def _take(self, reference: Any) -> None:
        actor, task = self._under_way.pop(reference)
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as lost:
            self._ray.kill(actor)  # it may be out of reach only; what it still writes is what another one will write
            self._lose(task, " ".join(str(lost).split()))
            return
        self._idle.append(actor)
        if task is None:
            if answer:
                raise RecbenchError(answer)
            self._unprepared = 0
            return
        if self._share is not None:
            self._share.pull_log(self._store, answer.log)
            if answer.status == "ok":
                self._share.pull(self._store, task.key)
        if answer.status == "ok" and not self._store.has(task.key):
            raise StoreError(
                f"the artifact of task '{task.key}' is not in {self._store.root}; is it one path everywhere?"
            )
        self._ended.append(answer)

    def _lose(self, task: Task | None, reason: str) -> None:
        """The machine of a slot is gone, or the slot itself: open another, and let it begin with the same task."""
        if task is None:
            self._unprepared += 1
            if self._unprepared > LOSSES * self._jobs:
                raise RecbenchError(f"no machine of the cluster becomes ready for work: {reason}")
        else:
            self._losses[task.key] += 1
            if self._losses[task.key] < LOSSES:
                self._queue.appendleft(task)
            else:
                words = f"lost with {LOSSES} machines in turn; the last one: {reason}"
                self._ended.append(TaskResult(task, "crashed", words, 0.0, 0.0, 0, f"logs/{task.key}.log"))
        self._open()


def _connect(address: str | None, jobs: int, cpus: float) -> Any:
    """Ray, connected.

    Raises:
        RecbenchError: it is not installed, or there is no cluster at the address.
    """
    if importlib.util.find_spec("ray") is None:
        raise RecbenchError("the executor 'ray' needs Ray, which is not installed; pip install 'recbench[ray]'")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of a benchmark goes to a stranger's server
    # Ray makes its workers yield to everything else, by 15 steps of niceness: on a busy machine they would stand still.
    os.environ.setdefault("RAY_worker_niceness", "0")
    import ray

    if address is not None:
        _knock(address)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address is None:
            ray.init(address="local", num_cpus=math.ceil(jobs * cpus), include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except Exception as error:  # Ray's word for a node that does not come up in time, too
        where = "Ray does not start on this machine" if address is None else f"no Ray cluster at {address}"
        raise RecbenchError(f"{where}: {' '.join(str(error).split())}") from error
    return ray


def _knock(address: str) -> None:
    """See that somebody listens at `host:port`: Ray itself tries for minutes.

    Raises:
        RecbenchError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()
        except OSError as error:
            raise RecbenchError(f"no Ray cluster at {address}: {error}; 'ray start --head' starts one") from error
