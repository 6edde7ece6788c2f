"""A disk that is full or read-only, a second harness, a clock that jumps: a clear error or the right result."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest
from harness import contents, differences, finish, good, start, write_suite

from recbench.store import Store

HERE = Path(__file__).parent
RUN = "from recbench.cli import main\nsys.exit(main())"
ON_A_FULL_DISK = f"""
import sys
import full_disk, recbench.matrix.preload as preload
preload.STAGES_NEED = ("full_disk", *preload.STAGES_NEED)
{RUN}
"""
WITH_A_CLOCK_THAT_GOES_BACK = f"""
import itertools, sys, time
now, back = time.time, itertools.count(step=3600)
time.time = lambda: now() - next(back)
{RUN}
"""
CAP_DAC_OVERRIDE = 1
PR_CAPBSET_DROP = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("surroundings")


@pytest.fixture(scope="module")
def suite(folder: Path) -> str:
    return write_suite(folder, "small", good("Popular"), good("Fills"), good("KeepsAll", "SuspectsLong"))


@pytest.fixture(scope="module")
def sound(folder: Path, suite: str) -> dict:
    finish(start(folder, "run", suite, "--out", "sound", "--jobs", "2"), 0)
    return contents(Store(folder / "sound"))


def forgo_privileges() -> None:
    """Root may write anywhere, unless it lays that down."""
    if os.geteuid() == 0:
        import ctypes

        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets root lay down the right to write anywhere")
def test_a_read_only_store_is_an_error_of_one_line_and_stays_as_it_was(folder, suite, sound):
    store = Store(folder / "sound")
    (store.root / "cells").chmod(0o555)
    store.root.chmod(0o555)
    try:
        process = start(
            folder, "run", suite, "--out", "sound", "--rerun", "failed", "--size", "0.2", preexec_fn=forgo_privileges
        )
        errors = finish(process, 2)
    finally:
        store.root.chmod(0o755)
        (store.root / "cells").chmod(0o755)
    assert re.fullmatch(r"error: the run's folder sound cannot be written to: Permission denied; .*\n", errors)
    assert contents(store) == sound


def test_a_disk_that_fills_up_is_an_error_and_once_there_is_room_the_run_goes_on(folder, suite, sound, monkeypatch):
    """First while an artifact is written, then while a record is; no cell takes the blame."""
    store = Store(folder / "full")
    for full in ("artifact", "record"):
        monkeypatch.setenv("RECBENCH_TEST_FULL", full)
        process = start(folder, "run", suite, "--out", "full", "--jobs", "1", code=ON_A_FULL_DISK, path=[HERE])
        errors = finish(process, 2).splitlines()
        assert errors[-1].startswith("error: the run's folder ")
        assert "No space left on device" in errors[-1]
        assert store.check() == []
        assert {record["status"] for record in store.records()} <= {"ok"}
        assert len(store.records()) < len(sound["records"])
        assert not list(store.root.rglob("*.tmp"))
    assert len(store.records()) == 2
    finish(start(folder, "run", suite, "--out", "full", "--jobs", "2"), 0)
    assert differences(contents(store), sound) == []


def test_two_harnesses_with_clocks_that_disagree_share_one_store(folder, suite, sound):
    """One clock jumps back by an hour at every look; a file of a killed run is from tomorrow."""
    store = Store(folder / "shared")
    leftover = store.root / "cells" / ".0123456789.json.1.abcd.tmp"
    leftover.parent.mkdir(parents=True)
    leftover.write_text('{"half":')
    os.utime(leftover, (time.time() + 86_400,) * 2)
    harnesses = [
        start(folder, "run", suite, "--out", "shared", "--jobs", "1", code=code)
        for code in (f"import sys\n{RUN}", WITH_A_CLOCK_THAT_GOES_BACK)
    ]
    for harness in harnesses:
        finish(harness, 0)
    assert store.check() == []
    assert differences(contents(store), sound) == []
