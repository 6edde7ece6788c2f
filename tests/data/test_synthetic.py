"""Drawn data: as much as is asked for, by a power law, with tastes that a model can learn."""

import numpy as np
import pytest

from recbench.data.synthetic import TASTES, power_law
from recbench.errors import DataError


@pytest.fixture(scope="module")
def drawn():
    return power_law(2000, 1000, 60_000, seed=1)


def test_it_holds_exactly_what_was_asked_for(drawn):
    assert (len(drawn), drawn.n_users, drawn.n_items) == (60_000, 2000, 1000)
    assert drawn.user_counts.min() >= 1
    assert set(np.unique(drawn.ratings)) <= {1, 2, 3, 4, 5}


def test_few_users_and_items_hold_much_of_it(drawn):
    for counts in (drawn.user_counts, drawn.item_counts):
        tenth = np.sort(counts)[::-1][: len(counts) // 10]
        assert tenth.sum() > 0.25 * len(drawn)
    assert drawn.user_counts.max() <= drawn.n_items / 5


def test_users_of_one_taste_like_the_same_items_and_rate_them_higher(drawn):
    rows = drawn.csr.toarray()
    rows -= rows.mean(axis=0)
    spectrum = np.linalg.svd(rows, compute_uv=False)
    noise = np.linalg.svd(np.random.default_rng(0).permuted(rows, axis=0), compute_uv=False)
    assert (spectrum[: TASTES - 1] > 1.2 * noise[0]).all()
    assert drawn.ratings.mean() > 2.5


def test_the_same_seed_draws_the_same_data():
    first, again, other = (power_law(100, 100, 1000, seed) for seed in (3, 3, 4))
    assert first.digest == again.digest
    assert first.digest != other.digest


@pytest.mark.parametrize("count", [99, 1001], ids=["fewer than users", "more than a tenth of all pairs"])
def test_what_cannot_be_drawn_is_refused_with_what_can(count):
    with pytest.raises(DataError, match="ask for 100 to 1,000"):
        power_law(100, 100, count, seed=0)
