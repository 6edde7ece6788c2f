"""Ranking quality, against ranx and by hand."""

import os

# Compiling ranx takes half a minute, interpreting it on lists of this size a moment.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranx import Qrels, Run, evaluate

from recbench.data.interactions import Histories, Interactions
from recbench.errors import SuiteError
from recbench.evaluation import quality
from recbench.evaluation.quality import Relevance

METRICS = {
    "recall": quality.recall,
    "precision": quality.precision,
    "f1": quality.f1,
    "ndcg": quality.ndcg,
    "hit_rate": quality.hit_ratio,
    "mrr": quality.mrr,
    "map": quality.average_precision,
}


def random_lists(seed, n_users, n_items, length):
    rng = np.random.default_rng(seed)
    top = rng.permuted(np.tile(np.arange(n_items, dtype=np.int32), (n_users, 1)), axis=1)[:, :length]
    relevant = [rng.choice(n_items, rng.integers(1, n_items + 1), replace=False) for _ in range(n_users)]
    return top, relevant


@given(seed=st.integers(0, 2**32 - 1), n_items=st.integers(12, 40), k=st.integers(1, 12))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("name", METRICS)
def test_each_ranking_metric_agrees_with_ranx(name, lists, seed, n_items, k):
    top, relevant = random_lists(seed, 6, n_items, 12)
    qrels = Qrels({f"{user}": {f"{item}": 1 for item in row} for user, row in enumerate(relevant)})
    run = Run({f"{user}": {f"{item}": 12.0 - place for place, item in enumerate(row)} for user, row in enumerate(top)})
    expected = evaluate(qrels, run, f"{name}@{k}", return_mean=False)
    if name == "map":  # ranx divides by all relevant items; here it is min(k, relevant)
        sizes = np.array([len(row) for row in relevant])
        expected = expected * sizes / np.minimum(k, sizes)
    found = METRICS[name](Relevance.of(top, lists(relevant)), k)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_metrics_of_a_case_computed_by_hand(lists):
    # Relevant {4, 1, 9}; the list is 7, 4, 2, 1: hits at places 2 and 4.
    relevance = Relevance.of(np.array([[7, 4, 2, 1]], dtype=np.int32), lists([[4, 1, 9]]))
    assert quality.recall(relevance, 4)[0] == pytest.approx(2 / 3)
    assert quality.precision(relevance, 4)[0] == pytest.approx(2 / 4)
    assert quality.f1(relevance, 4)[0] == pytest.approx(4 / 7)
    assert quality.hit_ratio(relevance, 1)[0] == 0
    assert quality.hit_ratio(relevance, 2)[0] == 1
    assert quality.mrr(relevance, 4)[0] == pytest.approx(1 / 2)
    assert quality.mrr(relevance, 1)[0] == 0
    assert quality.average_precision(relevance, 4)[0] == pytest.approx((1 / 2 + 2 / 4) / 3)
    gain = 1 / np.log2(3) + 1 / np.log2(5)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert quality.ndcg(relevance, 4)[0] == pytest.approx(gain / ideal)


def test_users_with_empty_tests_are_left_out_and_counted(lists):
    top = np.array([[0, 1], [0, 1], [0, 1]], dtype=np.int32)
    relevance = Relevance.of(top, lists([[], [0], []]))
    assert relevance.left_out == 2
    assert quality.recall(relevance, 2).tolist() == [1.0]


def test_nobody_with_a_test_gives_no_values(lists):
    relevance = Relevance.of(np.array([[0, 1]], dtype=np.int32), lists([[]]))
    assert relevance.left_out == 1
    assert len(quality.ndcg(relevance, 2)) == 0


def test_k_in_a_formula_stays_k_where_a_list_is_shorter(lists):
    relevance = Relevance.of(np.array([[3, -1, -1, -1]], dtype=np.int32), lists([[3, 5]]))
    assert quality.precision(relevance, 4)[0] == 1 / 4
    assert quality.ndcg(relevance, 4)[0] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_the_last_item_of_one_user_is_not_a_hit_of_the_next(lists):
    relevance = Relevance.of(np.array([[0, 5], [0, -1]], dtype=np.int32), lists([[5], [4]]))
    assert relevance.hits.tolist() == [[False, True], [False, False]]


def test_ids_whose_product_overflows_32_bits_are_told_apart():
    n = 60_000
    top = np.full((n, 1), n - 1, dtype=np.int32)
    relevance = Relevance.of(top, Histories(np.arange(n + 1), np.arange(n, dtype=np.int32)))
    assert np.flatnonzero(relevance.hits[:, 0]).tolist() == [n - 1]


def test_a_cutoff_beyond_the_lists_is_refused(lists):
    with pytest.raises(SuiteError, match="metric at 3: the top lists hold 2"):
        quality.recall(Relevance.of(np.array([[0, 1]], dtype=np.int32), lists([[0]])), 3)


def test_test_items_that_were_trained_on_are_removed(lists):
    train = Interactions(np.array([0, 1]), np.array([2, 0]), 2, 3)
    kept = quality.unseen(lists([[1, 2], [2]]), train)
    assert [kept[user].tolist() for user in range(2)] == [[1], [2]]


def test_coverage_is_the_share_of_the_catalogue_that_is_shown():
    top = np.array([[0, 1, 2], [0, 3, -1]], dtype=np.int32)
    assert quality.coverage(top, 10, 3) == 0.4
    assert quality.coverage(top, 10, 1) == 0.1
