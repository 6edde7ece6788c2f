"""What the operating system offers to bound a task's processes and to leave none behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LINUX = sys.platform == "linux"
"""Elsewhere there is no prctl and no /proc, and a process that has imported numeric libraries may not fork."""

LIBC = ctypes.CDLL(None, use_errno=True) if LINUX else None
"""Looked up once for all forks."""
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    assert LIBC is not None, "on Linux alone"
    if LIBC.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")


def notice_death_of(parent: int, signum: signal.Signals) -> None:
    """Have this process sent `signum` when its parent dies, or end it now if `parent` is dead already."""
    _prctl(PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:
        os._exit(1)


def die_with(parent: int) -> None:
    """Kill this process when its parent dies; where the kernel does not do that, its whole group."""
    if LINUX:
        notice_death_of(parent, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, daemons included (Linux)."""
    if LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def children() -> set[int]:
    """The children of this process, adopted ones included (Linux; elsewhere nothing is known)."""
    threads = os.listdir("/proc/self/task") if LINUX else []
    return {int(pid) for thread in threads for pid in Path(f"/proc/self/task/{thread}/children").read_text().split()}


def kill_group(leader: int, signum: signal.Signals) -> None:
    """Send `signum` to the process group of `leader`, or to it alone if it has not made its group yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            os.killpg(leader, signum)
        except ProcessLookupError:
            os.kill(leader, signum)


def resident_bytes(pid: int) -> int:
    """The memory that a process has in use (Linux; 0 for one that has ended)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (FileNotFoundError, ProcessLookupError):
        return 0


@contextlib.contextmanager
def memory_limit(extra: int | None) -> Iterator[None]:
    """Let the address space grow by `extra` bytes at most; an allocation beyond that fails (Linux)."""
    if extra is None or not LINUX:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = held + extra if hard == resource.RLIM_INFINITY else min(held + extra, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def thread_environment(threads: int) -> dict[str, str]:
    """The variables that numeric libraries read when they are loaded.

    Waiting threads sleep: two OpenMP threads that spin under load were seen ten times slower than one.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**dict.fromkeys(names, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}


def interpreter(module: str, *arguments: str) -> list[str]:
    """The command that calls `main()` of `module` in a fresh interpreter that imports from where this one does."""
    boot = (
        "import importlib, sys\n"
        "sys.path[:] = sys.argv.pop(1).split('\\n')\n"
        "importlib.import_module(sys.argv.pop(1)).main()"
    )
    return [sys.executable, "-c", boot, "\n".join(sys.path), module, *arguments]
