"""What every test may use: the mirror of real data sets, where there is one."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from planted_suite import InThisProcess, open_shop

MIRROR = Path(os.environ.get("RECBENCH_MIRROR", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """A folder with one folder of raw files a data set; tests on real data skip where it is not to be had."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of the real data at {MIRROR}; set RECBENCH_MIRROR")
    return MIRROR


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, here and in child processes, even where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def quick_executor(monkeypatch) -> None:
    monkeypatch.setattr("recbench.matrix.run.LocalExecutor", InThisProcess)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """A working folder with a small data set of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    open_shop(tmp_path)
    return tmp_path
