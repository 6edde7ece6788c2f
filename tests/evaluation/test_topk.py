"""Exact top-k, against sorting everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.evaluation.topk import Layout, top_k


def padded(scores, layout):
    block = np.full((len(scores), layout.width), -np.inf, dtype=scores.dtype)
    block[:, : scores.shape[1]] = scores
    return block


def places(n_items, layout, seed=0):
    place = np.full(layout.width, n_items, dtype=np.int32)
    place[:n_items] = np.random.default_rng(seed).permutation(n_items)
    return place


def by_sorting(scores, place, k):
    order = np.lexsort((np.broadcast_to(place[: scores.shape[1]], scores.shape), -scores), axis=1)[:, :k]
    return np.where(np.take_along_axis(scores, order, axis=1) == -np.inf, -1, order)


@given(
    n_items=st.integers(1, 200),
    k=st.integers(1, 30),
    distinct=st.sampled_from([1, 2, 5, 1000]),
    masked=st.sampled_from([0.0, 0.3, 0.95, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_the_top_is_what_sorting_by_score_and_then_place_gives(n_items, k, distinct, masked, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, distinct, (7, n_items)).astype(np.float32)
    scores[rng.random(scores.shape) < masked] = -np.inf
    layout = Layout.of(n_items, k)
    place = places(n_items, layout, seed)
    expected = by_sorting(scores, place, min(k, n_items))
    np.testing.assert_array_equal(top_k(padded(scores, layout), layout, place), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_catalogue_is_grouped_and_still_exact(dtype):
    scores = np.random.default_rng(1).standard_normal((20, 30_011)).astype(dtype)
    scores[:10] = np.round(scores[:10], 1)  # thousands of ties in half of the rows
    layout = Layout.of(scores.shape[1], 20)
    assert layout.depth > 1
    place = places(scores.shape[1], layout)
    np.testing.assert_array_equal(top_k(padded(scores, layout), layout, place), by_sorting(scores, place, 20))


@given(n_items=st.integers(1, 3_000_000), k=st.integers(1, 200))
@settings(deadline=None)
def test_a_layout_holds_every_item_and_one_candidate_more_than_k(n_items, k):
    layout = Layout.of(n_items, k)
    assert layout.width >= n_items
    assert layout.groups > layout.k == min(k, n_items)
    assert 1 <= layout.depth <= 255


def test_flags_are_counted_beyond_the_range_of_a_byte():
    layout = Layout.of(20_000, 1)
    flags = np.ones((2, layout.width), dtype=np.bool_)
    flags[1, ::3] = False
    assert layout.count(flags).tolist() == [layout.width, flags[1].sum()]
