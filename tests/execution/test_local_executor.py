"""Real processes: what becomes of a task, and that nothing of it is left."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from recbench.errors import DataError, RecbenchError
from recbench.execution import Limits, LocalExecutor, Task
from recbench.execution.local import PRELOAD
from recbench.execution.log import HEAD_BYTES, TAIL_BYTES
from recbench.execution.process import LINUX
from recbench.store import Artifact, Store

MEBIBYTE = 1 << 20
linux = pytest.mark.skipif(not LINUX, reason="prctl and /proc are Linux's")


@pytest.fixture(scope="module")
def forking(tmp_path_factory):
    if not LINUX:
        pytest.skip("forking is Linux's")
    store = Store(tmp_path_factory.mktemp("run"))
    with LocalExecutor(store, jobs=2, preload=(*PRELOAD, "no_such_module")) as executor:
        yield executor


@pytest.fixture(scope="module")
def spawning(tmp_path_factory):
    with LocalExecutor(Store(tmp_path_factory.mktemp("run")), jobs=2, fork=False) as executor:
        yield executor


@pytest.fixture(params=["forking", "spawning"])
def executor(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def store(executor):
    return executor._store


@pytest.fixture
def do():
    """Run one planted task to its end."""

    def do(executor, function, arguments=None, inputs=None, **limits):
        key = f"{function}-{time.monotonic_ns()}"
        limits = Limits(**({"seconds": 20.0} | limits))
        executor.submit(Task(key, f"planted_tasks:{function}", arguments or {}, inputs or {}, limits, function))
        result = executor.next(timeout=30)
        assert result is not None
        assert result.task.key == key
        return result

    return do


def alive(pid):
    """Whether the process runs; a zombie does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may end while it is read
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def pid_in(file, seconds=10.0):
    wait_until(lambda: file.exists() and file.read_text().endswith("\n"), seconds)
    return int(file.read_text())


def test_a_task_reads_its_inputs_and_leaves_its_artifact_in_the_store(executor, store, do):
    store.put("input-a", Artifact({"x": np.array([1, 2])}))
    store.put("input-b", Artifact({"x": np.array([40])}))
    result = do(executor, "succeed", {"n": 4}, {"a": "input-a", "b": "input-b"})
    assert (result.status, result.reason) == ("ok", "")
    artifact = store.get(result.task.key)
    np.testing.assert_array_equal(artifact.arrays["x"], [0, 1, 2, 3])
    assert artifact.meta["total"] == 43
    assert artifact.meta["process"] != os.getpid()


def test_costs_are_measured(executor, do):
    result = do(executor, "sleep", {"seconds": 0.3})
    assert result.wall_seconds >= 0.3
    assert result.cpu_seconds > 0
    assert result.peak_bytes > MEBIBYTE


def test_an_exception_is_an_error_with_its_message_on_one_line_and_its_traceback_in_the_log(executor, store, do):
    result = do(executor, "fail")
    assert (result.status, result.reason) == ("error", "ValueError: the data have two lines")
    log = (store.root / result.log).read_text()
    assert 'raise ValueError("the data' in log
    assert not store.has(result.task.key)


def test_a_broken_rule_makes_the_task_invalid(executor, do):
    result = do(executor, "break_a_rule")
    assert (result.status, result.reason) == ("invalid", "BudgetViolation: fake 3 holds 40 items; 30 are allowed")


def test_a_task_that_returns_no_artifact_is_an_error(executor, do):
    result = do(executor, "return_nothing")
    assert (result.status, result.reason) == (
        "error",
        "TypeError: planted_tasks:return_nothing returned NoneType; a task returns an Artifact",
    )


def test_exit_code_zero_without_an_artifact_is_a_crash(executor, do):
    result = do(executor, "exit_quietly")
    assert (result.status, result.reason) == ("crashed", "exited with code 0 and without its artifact")


def test_sys_exit_is_an_error(executor, do):
    assert do(executor, "leave_by_sys_exit").status == "error"


def test_a_segmentation_fault_is_a_crash_and_the_log_says_where(executor, store, do):
    result = do(executor, "segfault")
    assert (result.status, result.reason) == ("crashed", "killed by SIGSEGV")
    assert "in segfault" in (store.root / result.log).read_text()


def test_the_deadline_holds_against_a_task_that_ignores_the_request_to_end(executor, do):
    result = do(executor, "ignore_everything", seconds=0.2)
    assert (result.status, result.reason) == ("timeout", "not done after 0.2 s")


def test_imports_do_not_count_for_the_deadline(forking):
    forking.submit(Task("slow-import", "slow_to_import:succeed", limits=Limits(seconds=0.5)))
    result = forking.next(20)
    assert result.status == "ok"
    assert result.wall_seconds < 1.0


@linux
def test_imports_that_never_end_are_ended(tmp_path, monkeypatch):
    (tmp_path / "impatient.py").write_text("from recbench.execution import zygote\nzygote.IMPORT_SECONDS = 0.2")
    monkeypatch.syspath_prepend(tmp_path)
    with LocalExecutor(Store(tmp_path / "run"), jobs=1, preload=("impatient",)) as executor:
        executor.submit(Task("slow-import", "slow_to_import:succeed"))
        result = executor.next(20)
    assert result.status == "timeout"
    assert result.reason.startswith("its imports were not done")


def test_a_function_that_cannot_be_imported_is_an_error(executor, do):
    result = do(executor, "no_such_function")
    assert result.status == "error"
    assert "no_such_function" in result.reason


def test_an_input_that_is_not_there_is_an_error(executor, do):
    result = do(executor, "succeed", inputs={"data": "never-made"})
    assert (result.status, result.reason) == (
        "error",
        "DataError: there is no artifact 'never-made'; run the stage that makes it",
    )


def test_a_child_that_the_task_forgets_is_dead_afterwards(executor, do, tmp_path):
    assert do(executor, "start_a_program", {"file": str(tmp_path / "pid")}).status == "ok"
    wait_until(lambda: not alive(pid_in(tmp_path / "pid")))


@linux
def test_a_daemon_that_the_task_starts_is_dead_afterwards(executor, do, tmp_path):
    assert do(executor, "start_a_daemon", {"file": str(tmp_path / "pid")}).status == "ok"
    wait_until(lambda: not alive(pid_in(tmp_path / "pid")))


def test_a_function_that_returns_in_its_forked_child_too_counts_once(executor, store, do):
    result = do(executor, "fork_and_return_twice")
    assert result.status == "ok"
    assert store.get(result.task.key).meta == {"child": False}


@linux
@pytest.mark.parametrize("function", ["allocate", "allocate_in_torch", "allocate_little_by_little"])
def test_memory_beyond_the_limit_is_refused(forking, do, function):
    result = do(forking, function, {"bytes": 512 * MEBIBYTE}, memory_bytes=128 * MEBIBYTE)
    assert result.status == "out-of-memory"
    assert result.reason


@linux
def test_memory_in_use_beyond_the_limit_ends_the_task(executor, do):
    limits = {"memory_bytes": 256 * MEBIBYTE, "resident": True}
    result = do(executor, "grow", {"bytes": 2048 * MEBIBYTE}, **limits)
    assert result.status == "out-of-memory"
    assert "0.27 are allowed" in result.reason


@linux
def test_address_space_that_is_reserved_and_not_used_is_not_memory_in_use(executor, do):
    limits = {"memory_bytes": 256 * MEBIBYTE, "resident": True}
    assert do(executor, "reserve", {"bytes": 4096 * MEBIBYTE}, **limits).status == "ok"


def test_an_abort_by_compiled_code_for_want_of_memory_is_out_of_memory(executor, do):
    result = do(executor, "abort_for_want_of_memory")
    assert (result.status, result.reason) == ("out-of-memory", "std::bad_alloc in compiled code")


@linux
def test_what_is_preloaded_does_not_count_for_the_memory_limit(forking, do):
    result = do(forking, "allocate", {"bytes": 64 * MEBIBYTE}, memory_bytes=128 * MEBIBYTE)
    assert result.status == "ok"


def test_what_a_task_prints_is_in_its_log(executor, store, do):
    log = store.root / do(executor, "greet").log
    assert sorted(log.read_text().split()) == ["beware", "hello"]


def test_a_log_keeps_its_beginning_and_its_end_however_much_a_task_prints(executor, store, do):
    result = do(executor, "shout", {"megabytes": 50})
    log = store.root / result.log
    assert (result.status, result.reason) == ("error", "RuntimeError: the end")
    assert log.stat().st_size < HEAD_BYTES + TAIL_BYTES + 100
    text = log.read_text()
    assert text.startswith("xxx")
    assert "bytes left out]" in text
    assert text.endswith("RuntimeError: the end\n")


def test_a_thread_that_the_task_leaves_running_does_not_hold_it_up(executor, do):
    result = do(executor, "leave_a_thread", seconds=10)
    assert result.status == "ok"
    assert result.wall_seconds < 10


def test_a_task_cannot_write_into_its_input(executor, store, do):
    store.put("shared", Artifact({"x": np.array([1, 2, 3])}))
    result = do(executor, "write_into_the_input", inputs={"data": "shared"})
    assert (result.status, result.reason) == ("error", "ValueError: assignment destination is read-only")


def test_what_torch_writes_into_an_input_stays_in_the_worker(forking, do):
    store = forking._store
    store.put("shared", Artifact({"x": np.array([1, 2, 3])}))
    result = do(forking, "write_into_the_input_through_torch", inputs={"data": "shared"})
    assert result.status == "ok"
    np.testing.assert_array_equal(store.get(result.task.key).arrays["x"], [99, 2, 3])
    np.testing.assert_array_equal(store.get("shared").arrays["x"], [1, 2, 3])


def test_forked_tasks_start_from_the_same_global_random_state(forking, do):
    draws = [forking._store.get(do(forking, "draw").task.key).arrays["x"] for _ in range(2)]
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_limited(executor, store, do, threads):
    meta = store.get(do(executor, "thread_settings", threads=threads).task.key).meta
    assert meta == {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_of_a_preloaded_torch_are_limited(forking, do, threads):
    assert forking._store.get(do(forking, "torch_threads", threads=threads).task.key).meta == {"threads": threads}


@linux
def test_a_worker_leads_a_session_and_holds_no_descriptor_of_the_zygote_or_of_another_worker(executor, store, tmp_path):
    executor.submit(Task("beside", "planted_tasks:wait_for", {"file": str(tmp_path / "go")}))
    executor.submit(Task("surroundings", "planted_tasks:surroundings"))
    assert executor.next(20).status == "ok"
    (tmp_path / "go").touch()
    assert executor.next(20).status == "ok"
    meta = store.get("surroundings").meta
    assert meta["leads"]
    (report,) = meta["open"]
    assert report.startswith("pipe:")


@linux
def test_what_is_preloaded_starts_no_thread(forking, do):
    assert do(forking, "succeed").status == "ok"
    assert len(os.listdir(f"/proc/{forking._process.pid}/task")) == 1


def test_tasks_run_side_by_side_and_come_as_they_end(executor, tmp_path):
    executor.submit(Task("slow", "planted_tasks:wait_for", {"file": str(tmp_path / "go")}))
    executor.submit(Task("quick", "planted_tasks:succeed"))
    assert executor.next(0.0) is None
    assert executor.next(20).task.key == "quick"
    (tmp_path / "go").touch()
    assert executor.next(20).task.key == "slow"
    assert executor.next() is None


def test_every_one_of_many_tasks_ends(forking):
    keys = {f"one-of-many-{i}" for i in range(25)}
    for key in keys:
        forking.submit(Task(key, "planted_tasks:succeed"))
    results = [forking.next(20) for _ in keys]
    assert {result.task.key for result in results} == keys
    assert {result.status for result in results} == {"ok"}


def test_a_task_that_cannot_be_sent_is_refused_and_leaves_the_others_alone(forking, do):
    with pytest.raises(DataError, match="arguments of task 'bad'"):
        forking.submit(Task("bad", "planted_tasks:succeed", {"x": object()}))
    with pytest.raises(DataError, match=r"'\.\./up' must match"):
        forking.submit(Task("../up", "planted_tasks:succeed"))
    assert do(forking, "succeed").status == "ok"


def test_a_key_runs_once_at_a_time(forking):
    task = Task("twice", "planted_tasks:sleep", {"seconds": 0.1})
    forking.submit(task)
    with pytest.raises(ValueError, match="'twice' is queued or running"):
        forking.submit(task)
    assert forking.next(20).status == "ok"


def test_no_jobs_is_refused(tmp_path):
    with pytest.raises(RecbenchError, match="jobs is 0"):
        LocalExecutor(Store(tmp_path), jobs=0)


@linux
def test_a_killed_zygote_is_replaced_and_only_what_ran_has_crashed(tmp_path):
    with LocalExecutor(Store(tmp_path / "run"), jobs=1, preload=()) as executor:
        executor.submit(Task("running", "planted_tasks:sleep_as", {"file": str(tmp_path / "pid")}))
        for i in range(3):
            executor.submit(Task(f"waiting-{i}", "planted_tasks:succeed"))
        worker = pid_in(tmp_path / "pid")
        executor._process.kill()
        results = [executor.next(20) for _ in range(4)]
        assert [(result.task.key, result.status) for result in results] == [
            ("running", "crashed"),
            *((f"waiting-{i}", "ok") for i in range(3)),
        ]
        assert results[0].reason == "the process that starts the workers ended with code -9; see logs/zygote.log"
        assert not alive(worker)


def test_a_zygote_that_cannot_live_does_not_go_on_for_ever(tmp_path, monkeypatch):
    (tmp_path / "pandas.py").write_text("import os; os._exit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with LocalExecutor(Store(tmp_path / "run"), jobs=2, preload=("pandas",), fork=True) as executor:
        for key in ("first", "second"):
            executor.submit(Task(key, "planted_tasks:succeed"))
        results = [executor.next(20) for _ in range(2)]
        assert [(result.task.key, result.status) for result in results] == [("first", "crashed"), ("second", "crashed")]
        assert "ended with code 3" in results[0].reason
        assert executor.next() is None


@linux
@pytest.mark.parametrize("fork", [True, False])
def test_close_leaves_no_process(tmp_path, fork):
    with LocalExecutor(Store(tmp_path / "run"), jobs=2, preload=(), fork=fork) as executor:
        executor.submit(Task("daemon", "planted_tasks:start_a_daemon_and_sleep", {"file": str(tmp_path / "daemon")}))
        executor.submit(Task("plain", "planted_tasks:sleep_as", {"file": str(tmp_path / "plain")}))
        pids = [executor._process.pid, pid_in(tmp_path / "daemon"), pid_in(tmp_path / "plain")]
        assert all(map(alive, pids))
    assert not any(map(alive, pids))
    executor.close()
    assert executor.next() is None


HARNESS = """
import sys, time
from pathlib import Path
from recbench.execution import LocalExecutor, Task
from recbench.store import Store
folder = Path(sys.argv[1])
with LocalExecutor(Store(folder / "run"), jobs=2, preload=(), fork=sys.argv[2] == "fork") as executor:
    (folder / "zygote.new").write_text(f"{executor._process.pid}\\n")
    (folder / "zygote.new").rename(folder / "zygote")
    executor.submit(Task("daemon", "planted_tasks:start_a_daemon_and_sleep", {"file": str(folder / "daemon")}))
    executor.submit(Task("plain", "planted_tasks:sleep_as", {"file": str(folder / "plain")}))
    executor.next()
"""


def start_harness(folder, fork):
    """A harness in a process of its own, and the ids of its zygote, of a task's daemon and of a worker."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(folder), fork],
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
    )
    pids = [pid_in(folder / name, seconds=20) for name in ("zygote", "daemon", "plain")]
    assert all(map(alive, pids))
    return harness, pids


@linux
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("fork", "signum"), [("fork", signal.SIGKILL), ("fork", signal.SIGINT), ("spawn", signal.SIGKILL)]
)
def test_a_killed_or_interrupted_harness_leaves_no_orphan(tmp_path, fork, signum):
    harness, pids = start_harness(tmp_path, fork)
    harness.send_signal(signum)
    assert harness.wait(timeout=10) == -signum
    wait_until(lambda: not any(map(alive, pids)))


@linux
@pytest.mark.parametrize("fork", ["fork", "spawn"])
def test_workers_die_with_their_zygote_whatever_the_harness_does(tmp_path, fork):
    harness, (zygote, daemon, worker) = start_harness(tmp_path, fork)
    harness.send_signal(signal.SIGSTOP)
    os.kill(zygote, signal.SIGKILL)
    wait_until(lambda: not alive(worker))
    harness.kill()
    harness.wait()
    os.kill(daemon, signal.SIGKILL)  # the one that nobody is left to find


@linux
def test_the_harness_may_start_an_executor_from_a_thread_that_ends(tmp_path):
    # The kernel's death signal is for the thread that forked, not for its process.
    made = []
    thread = threading.Thread(target=lambda: made.append(LocalExecutor(Store(tmp_path), jobs=1, preload=())))
    thread.start()
    thread.join()
    with made[0] as executor:
        process = executor._process
        executor.submit(Task("alive", "planted_tasks:succeed"))
        assert executor.next(20).status == "ok"
        assert executor._process is process


def test_two_executors_share_one_folder(tmp_path):
    store = Store(tmp_path)
    keys = [f"shared-{i}" for i in range(8)]
    with LocalExecutor(store, jobs=2, preload=()) as one, LocalExecutor(Store(tmp_path), jobs=2, preload=()) as two:
        for key in keys:
            one.submit(Task(key, "planted_tasks:succeed"))
            two.submit(Task(key, "planted_tasks:succeed"))
        results = [executor.next(20) for _ in keys for executor in (one, two)]
    assert {result.status for result in results} == {"ok"}
    assert store.check() == []
    assert store.artifact_keys() == keys
