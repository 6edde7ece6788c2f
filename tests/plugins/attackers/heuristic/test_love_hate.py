"""Two ratings and nothing between."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from recbench.contracts import AttackerView
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.heuristic.love_hate import LoveHate


def test_all_but_the_targets_is_loved_and_drawn_uniformly(
    planted: Interactions, view_on: Callable[..., AttackerView]
) -> None:
    profiles = LoveHate().craft(view_on(planted, [6] * 3000, [3, 8], goal="nuke"))
    assert profiles.ratings is not None
    hated = np.isin(profiles.items, [3, 8])
    assert set(profiles.ratings[hated]) == {1.0}
    assert set(profiles.ratings[~hated]) == {5.0}
    assert stats.chisquare(np.delete(np.bincount(profiles.items, minlength=30), [3, 8])).pvalue > 0.01
