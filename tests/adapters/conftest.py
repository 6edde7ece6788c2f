"""Fixtures: a few interactions on both tracks."""

import numpy as np
import pytest

from recbench.data import Interactions


@pytest.fixture(scope="session")
def interactions():
    rng = np.random.default_rng(0)
    pairs = rng.choice(50 * 40, 600, replace=False)
    users, items = pairs // 40, pairs % 40
    stars, times = rng.integers(1, 6, 600).astype(np.float32), rng.integers(0, 10**9, 600)
    return {
        "implicit": Interactions(users, items, 50, 40, timestamps=times),
        "explicit": Interactions(users, items, 50, 40, ratings=stars, timestamps=times),
    }
