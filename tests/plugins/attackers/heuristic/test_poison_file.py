"""A poison file is an attacker."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recbench.contracts import AttackerView, BudgetViolation, Profiles
from recbench.data.interactions import Interactions
from recbench.errors import DataError
from recbench_plugins.attackers.heuristic.poison_file import PoisonFile
from recbench_plugins.attackers.heuristic.random import Random


def test_what_was_saved_is_injected(
    planted: Interactions, view_on: Callable[..., AttackerView], tmp_path: Path
) -> None:
    view = view_on(planted, [4, 6], [3])
    made = Random().craft(view)
    made.save(tmp_path / "profiles.npz")
    injected = PoisonFile(tmp_path / "profiles.npz").craft(view)
    for name in ("indptr", "items", "ratings"):
        np.testing.assert_array_equal(getattr(injected, name), getattr(made, name))


def test_nothing_is_clipped_to_the_budget(
    planted: Interactions, view_on: Callable[..., AttackerView], tmp_path: Path
) -> None:
    Profiles(np.array([0, 5]), np.arange(5)).save(tmp_path / "long.npz")
    view = view_on(planted, [4], [3], explicit=False)
    profiles = PoisonFile(tmp_path / "long.npz").craft(view)
    assert profiles.items.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(BudgetViolation, match="holds 5 items; the budget is 4"):
        profiles.check(view.budget)


def test_a_missing_file_is_named(planted: Interactions, view_on: Callable[..., AttackerView], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.npz"):
        PoisonFile(tmp_path / "nowhere.npz").craft(view_on(planted, [4], [3]))
