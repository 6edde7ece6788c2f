"""SIGKILL of the harness at a few instants; `kill.py` tries a hundred."""

from __future__ import annotations

import random
import sys

import pytest
from harness import contents, differences
from kill import CELLS, files, killed, matrix, run

from recbench.store import Store

KILLS = 5


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found through /proc")
@pytest.mark.usefixtures("shop")  # puts the working folder and the environment back
def test_a_run_that_is_killed_again_and_again_ends_up_the_same_and_leaves_no_process(tmp_path):
    plan = matrix(tmp_path)
    run(plan, tmp_path / "whole")
    total = files(tmp_path / "whole")
    store, draw = Store(tmp_path / "killed"), random.Random(0)
    for number in range(KILLS):
        after = min(files(store.root) + draw.randrange(total // KILLS), total)
        assert killed(plan, store.root, after, draw.uniform(0, 0.05)) == [], f"kill {number + 1}"
        assert store.check() == []
    run(plan, store.root)
    found = contents(store)
    assert len(found["records"]) == CELLS
    assert differences(found, contents(Store(tmp_path / "whole"))) == []
    assert store.check() == []
