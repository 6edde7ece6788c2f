"""SIGKILL of the harness at a few instants; `kill.py` tries a hundred."""

from __future__ import annotations

import random
import sys

import pytest
from harness import contents, differences
from kill import CELLS, killed, matrix, run

from recbench.store import Store

KILLS = 5


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found through /proc")
@pytest.mark.usefixtures("shop")  # puts the working folder and the environment back
def test_a_run_that_is_killed_again_and_again_ends_up_the_same_and_leaves_no_process(tmp_path):
    plan = matrix(tmp_path)
    duration = run(plan, tmp_path / "whole")
    store, draw = Store(tmp_path / "killed"), random.Random(0)
    for number in range(KILLS):
        assert killed(plan, store.root, draw.uniform(0.3, 1) * duration / 2) == [], f"kill {number + 1}"
        assert store.check() == []
    run(plan, store.root)
    found = contents(store)
    assert len(found["records"]) == CELLS
    assert differences(found, contents(Store(tmp_path / "whole"))) == []
    assert store.check() == []
