from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbench.conformance.check import checks_of
from recbench.conformance.isolated import outcomes
from recbench.conformance.shared import shared, sharing
from recbench.conformance.subjects import find
from recbench.contracts import Profiles
from recbench.plugins import load_plugins


def test_what_was_worked_out_once_is_read_afterwards(tmp_path: Path) -> None:
    calls = []

    def work() -> Profiles:
        calls.append(1)
        return Profiles.from_dense(np.eye(3))

    with sharing(tmp_path):
        first = shared("profiles", work)
    with sharing(tmp_path):  # as another process would
        second = shared("profiles", work)
        shared("others", work)
    assert len(calls) == 2
    assert np.array_equal(first.items, second.items)
    assert np.array_equal(first.indptr, second.indptr)


def test_nothing_is_kept_outside_of_a_folder() -> None:
    calls: list[int] = []
    for _ in range(2):
        shared("profiles", lambda: calls.append(1))
    assert len(calls) == 2


def test_an_error_is_raised_again_each_time(tmp_path: Path) -> None:
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise ValueError("no")

    with sharing(tmp_path):
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                shared("profiles", fail)
    assert len(calls) == 2


def test_what_no_other_process_could_read_is_worked_out_by_each(tmp_path: Path) -> None:
    class Local:
        pass

    with sharing(tmp_path):
        assert isinstance(shared("local", Local), Local)
        assert isinstance(shared("local", Local), Local)
    assert not list(tmp_path.iterdir())


def test_each_check_has_one_outcome_in_workers_that_share() -> None:
    subject = find(load_plugins(third_party=False), "popular")
    found = list(outcomes(subject, jobs=2))
    assert {each.check.name for each in found} == {each.name for each in checks_of("attacker")}
    assert {each.status for each in found} <= {"passed", "not applicable"}
