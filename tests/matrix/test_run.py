"""What the workers of a run start with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recbench.execution import LocalExecutor, Task
from recbench.execution.local import PRELOAD
from recbench.execution.process import LINUX
from recbench.matrix.run import WORKERS_START_WITH
from recbench.store import Store


@pytest.mark.skipif(not LINUX, reason="forking is Linux's")
def test_no_module_that_workers_start_with_starts_a_thread(tmp_path: Path) -> None:
    with LocalExecutor(Store(tmp_path / "run"), jobs=1, preload=(*PRELOAD, *WORKERS_START_WITH)) as executor:
        executor.submit(Task("any", "builtins:dict"))
        assert executor.next(60) is not None
        assert len(os.listdir(f"/proc/{executor._process.pid}/task")) == 1
