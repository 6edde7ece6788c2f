"""Overlap of lists, by hand and by sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.evaluation.robustness import Overlap, jaccard, rbo


def random_pair(seed, n=8, n_items=15, length=10):
    """Two tables of lists; both lists of a user have one length."""
    rng = np.random.default_rng(seed)
    left, right = (
        rng.permuted(np.tile(np.arange(n_items, dtype=np.int32), (n, 1)), axis=1)[:, :length] for _ in range(2)
    )
    beyond = np.arange(length) >= rng.integers(0, length + 1, (n, 1))
    return np.where(beyond, -1, left), np.where(beyond, -1, right)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_overlaps_are_the_sizes_of_intersections(seed):
    left, right = random_pair(seed)
    expected = [
        [len({*a[:d].tolist()} & {*b[:d].tolist()} - {-1}) for d in range(1, 11)]
        for a, b in zip(left, right, strict=True)
    ]
    assert Overlap.of(left, right).shared.tolist() == expected


@given(st.integers(0, 2**32 - 1), st.integers(1, 10))
@settings(deadline=None)
def test_jaccard_is_intersection_over_union(seed, k):
    left, right = random_pair(seed)
    expected = []
    for a, b in zip(left, right, strict=True):
        one, two = {*a[:k].tolist()} - {-1}, {*b[:k].tolist()} - {-1}
        expected.append(len(one & two) / len(one | two) if one | two else 1.0)
    np.testing.assert_allclose(jaccard(Overlap.of(left, right), k), expected)


def test_rbo_of_a_case_computed_by_hand():
    # Agreements at depths 1, 2, 3: 0/1, 2/2, 2/3.
    left, right = np.array([[1, 2, 3]], dtype=np.int32), np.array([[2, 1, 4]], dtype=np.int32)
    expected = 2 / 3 * 0.9**3 + (0.1 / 0.9) * (0 * 0.9 + 1 * 0.9**2 + 2 / 3 * 0.9**3)
    assert rbo(Overlap.of(left, right))[0] == pytest.approx(expected)


def test_rbo_stops_where_the_lists_end():
    whole, short = np.array([[1, 2]], dtype=np.int32), np.array([[1, 2, -1, -1]], dtype=np.int32)
    other, cut = np.array([[2, 3]], dtype=np.int32), np.array([[2, 3, -1, -1]], dtype=np.int32)
    assert rbo(Overlap.of(short, cut))[0] == pytest.approx(rbo(Overlap.of(whole, other))[0])


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_rbo_is_symmetric_and_one_for_equal_lists(seed):
    left, right = random_pair(seed)
    np.testing.assert_allclose(rbo(Overlap.of(left, right)), rbo(Overlap.of(right, left)))
    np.testing.assert_allclose(rbo(Overlap.of(left, left)), 1)
    assert ((rbo(Overlap.of(left, right)) >= 0) & (rbo(Overlap.of(left, right)) <= 1 + 1e-12)).all()


def test_two_empty_lists_are_equal_and_an_empty_one_shares_nothing():
    empty, full = np.array([[-1, -1]], dtype=np.int32), np.array([[0, 1]], dtype=np.int32)
    assert rbo(Overlap.of(empty, empty))[0] == jaccard(Overlap.of(empty, empty), 2)[0] == 1
    assert rbo(Overlap.of(empty, full))[0] == jaccard(Overlap.of(empty, full), 2)[0] == 0
