"""What the zygote imports for its workers: a plugin's libraries are tried in another process first."""

import pytest

from recbench.execution import LocalExecutor, Task
from recbench.execution.process import LINUX
from recbench.store import Store

pytestmark = pytest.mark.skipif(not LINUX, reason="forking is Linux's")


@pytest.mark.parametrize(
    "source",
    [
        "import os; os._exit(3)",
        "raise SystemExit('no license')",
        "import threading, time; threading.Thread(target=time.sleep, args=[60], daemon=True).start()",
        "while True: pass",
    ],
    ids=["ends the process", "asks to end", "starts a thread", "never returns"],
)
def test_no_worker_starts_with_a_library_that_is_no_good_neighbour(tmp_path, monkeypatch, source):
    (tmp_path / "unruly.py").write_text(source)
    (tmp_path / "pandas.py").write_text("from recbench.execution import zygote\nzygote.TRIAL_SECONDS = 1")
    monkeypatch.syspath_prepend(tmp_path)
    with LocalExecutor(Store(tmp_path / "run"), jobs=1, preload=("pandas", "unruly"), fork=True) as executor:
        executor.submit(Task("imported", "planted_tasks:modules"))
        assert executor.next(20).status == "ok"
        assert "unruly" not in executor._store.meta("imported")["modules"]


def test_workers_start_with_a_library_that_is_slow_to_import(tmp_path, monkeypatch):
    (tmp_path / "slow_library.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with LocalExecutor(Store(tmp_path / "run"), jobs=1, preload=("slow_library",), fork=True) as executor:
        executor.submit(Task("imported", "planted_tasks:modules"))
        assert executor.next(20).status == "ok"
        assert "slow_library" in executor._store.meta("imported")["modules"]
