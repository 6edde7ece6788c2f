"""Data that the recommenders are held against."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recbench.contracts import FitContext, Recommender
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.data.splits import ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality


@pytest.fixture(scope="session")
def small() -> Interactions:
    """50 users, the last of whom has nothing, and 20 items, the last of which nobody has; ratings 1 to 5."""
    rng = np.random.default_rng(3)
    users, items = np.nonzero(rng.random((49, 19)) < rng.uniform(0.1, 0.6, 19))
    return Interactions(users, items, 50, 20, rng.integers(1, 6, len(users)).astype(np.float32))


@pytest.fixture(scope="session")
def ndcg_on_movielens(mirror: Path) -> Callable[[Recommender], float]:
    """A function from a recommender to its test NDCG@10 on ml-100k: every rating a positive, 80/20 a user, seed 42."""
    data = read_interactions(mirror / "ml-100k").interactions
    split = ratio_split(data, seed=42, validation=0.0, test=0.2)
    audience = Audience.shuffled(np.arange(data.n_users), data.n_users, seed=42)

    def measure(recommender: Recommender) -> float:
        scorer = recommender.fit(split.train, FitContext(seed=42))
        return validation_quality(
            scorer, audience, split.train.histories, data.n_items, split.test.histories, seed=42, k=10
        )

    return measure
