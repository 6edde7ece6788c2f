"""Places of items in lists, by hand and by search."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.data.interactions import Histories
from recbench.evaluation import places as module
from recbench.evaluation.places import histories_of, places


def random_lists(seed, n, n_items):
    rng = np.random.default_rng(seed)
    lists = [rng.permutation(n_items)[: rng.integers(0, n_items + 1)] for _ in range(n)]
    indptr = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    return Histories(indptr, np.concatenate([*lists, []]).astype(np.int32))


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 60))
@settings(deadline=None)
def test_places_are_those_that_a_search_finds_however_small_the_table(seed, n, table):
    lists = random_lists(seed, n, 12)
    wanted = np.random.default_rng(seed).integers(-1, 14, (n, 5))
    expected = [
        [lists[row].tolist().index(item) if item in lists[row].tolist() else -1 for item in items]
        for row, items in enumerate(wanted.tolist())
    ]
    before, module.TABLE = module.TABLE, table
    try:
        assert places(wanted, lists).tolist() == expected
    finally:
        module.TABLE = before


def test_no_lists_have_no_places():
    assert places(
        np.empty((0, 3), dtype=np.int32), Histories(np.zeros(1, dtype=np.int64), np.empty(0, np.int32))
    ).shape == (0, 3)


def test_padding_is_no_item():
    lists = histories_of(np.array([[4, 2, -1], [-1, -1, -1]], dtype=np.int32))
    assert [each.tolist() for each in lists] == [[4, 2], []]
