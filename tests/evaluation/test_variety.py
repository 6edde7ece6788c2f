"""Shares of the catalogue and of distinct profiles, beside counting by hand."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.contracts import Profiles
from recbench.evaluation.variety import catalogue_share, distinct_share

N_ITEMS = 6
profiles = st.lists(st.lists(st.integers(0, N_ITEMS - 1), min_size=1, unique=True), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(profiles)
def test_items_are_counted_once_and_profiles_by_what_they_hold(rows: list[list[int]]) -> None:
    indptr = np.cumsum([0, *map(len, rows)])
    made = Profiles(indptr, np.concatenate(rows))
    assert catalogue_share(made, N_ITEMS) == len(set().union(*rows)) / N_ITEMS
    assert distinct_share(made) == len({frozenset(row) for row in rows}) / len(rows)
