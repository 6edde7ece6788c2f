"""Data that the recommenders are held against."""

import numpy as np
import pytest

from recbench.data.interactions import Interactions


@pytest.fixture(scope="session")
def small() -> Interactions:
    """50 users, the last of whom has nothing, and 20 items, the last of which nobody has; ratings 1 to 5."""
    rng = np.random.default_rng(3)
    users, items = np.nonzero(rng.random((49, 19)) < rng.uniform(0.1, 0.6, 19))
    return Interactions(users, items, 50, 20, rng.integers(1, 6, len(users)).astype(np.float32))
