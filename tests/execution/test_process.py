"""Where the kernel offers less, by hand."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from recbench.execution import process
from recbench.execution.worker import classify, one_line

ORPHAN = """
import os, sys, time
from recbench.execution import process
process.LINUX = False
if os.fork() == 0:
    os.setsid()
    process.die_with(os.getppid())
    print("ready", flush=True)
    time.sleep(60)
sys.stdin.read()
"""


def test_without_prctl_a_worker_still_dies_with_its_parent():
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"ready\n"
    parent.kill()
    parent.wait()
    begin = time.monotonic()
    assert parent.stdout.read() == b""  # the end of the file comes when the worker too is dead
    assert time.monotonic() - begin < 10
    parent.stdin.close()
    parent.stdout.close()


@pytest.mark.skipif(not process.LINUX, reason="prctl is Linux's")
def test_a_worker_whose_parent_died_before_it_looked_ends_at_once():
    code = "import os; from recbench.execution.process import die_with; die_with(os.getppid() + 1); print('alive')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_fresh_interpreter_imports_from_where_this_one_does(tmp_path, monkeypatch):
    (tmp_path / "far_away.py").write_text("import sys\ndef main(): print(*sys.argv[1:])")
    monkeypatch.syspath_prepend(tmp_path)
    done = subprocess.run(process.interpreter("far_away", "a", "b c"), capture_output=True, cwd="/", check=True)
    assert done.stdout == b"a b c\n"


@pytest.mark.skipif(not process.LINUX, reason="RLIMIT_AS is Linux's")
def test_the_memory_limit_ends_with_its_block():
    size = 1 << 30
    with process.memory_limit(1 << 20), pytest.raises(MemoryError):
        np.empty(size, dtype=np.uint8)
    assert len(np.empty(size, dtype=np.uint8)) == size


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), "out-of-memory"),
        (OSError(12, "Cannot allocate memory"), "out-of-memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out-of-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), "out-of-memory"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "error"),
        (ValueError("out of memory"), "error"),
        (FileNotFoundError(2, "No such file"), "error"),
        (KeyboardInterrupt(), "error"),
    ],
)
def test_exceptions_are_told_apart(error, status):
    assert classify(error) == status


def test_a_reason_is_one_short_line():
    line = one_line(RuntimeError("first\nsecond " + "x" * 5000))
    assert line.startswith("RuntimeError: first second xxx")
    assert len(line) == 1000


def test_an_exception_that_cannot_be_printed_has_a_reason():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    assert "Mute" in one_line(Mute())


def test_the_environment_of_numeric_libraries_names_every_one():
    assert process.thread_environment(3) == {
        "OMP_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def test_a_process_that_has_not_made_its_group_yet_is_killed_alone():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process.kill_group(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    process.kill_group(child.pid, signal.SIGKILL)  # gone: no error
