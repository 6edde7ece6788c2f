"""Effects on targets, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.contracts.metric import Ranking
from recbench.evaluation import exposure


def ranking(ranks, scores=None, candidates=101):
    ranks = np.asarray(ranks, dtype=np.int32)
    scores = np.zeros(ranks.shape) if scores is None else scores
    count = np.full(len(ranks), candidates, dtype=np.int32)
    return Ranking(np.zeros((len(ranks), 1), np.int32), ranks, np.asarray(scores, dtype=np.float32), count)


ALL = np.ones((2, 1), dtype=np.bool_)


def test_rank_gain_is_in_bits_and_positive_for_promotion():
    assert exposure.rank_gain(ranking([[64], [8]]), ranking([[16], [8]]), ALL).tolist() == [1.0]
    assert exposure.rank_gain(ranking([[16], [8]]), ranking([[64], [8]]), ALL).tolist() == [-1.0]


def test_rank_gain_needs_a_candidate_on_both_sides():
    assert exposure.rank_gain(ranking([[64], [0]]), ranking([[16], [1]]), ALL).tolist() == [2.0]
    assert exposure.rank_gain(ranking([[64], [4]]), ranking([[16], [0]]), ALL).tolist() == [2.0]


def test_rank_percentiles_run_from_the_top_to_the_bottom():
    assert exposure.percentile_shift(ranking([[101], [51]]), ranking([[1], [51]]), ALL).tolist() == [0.5]


def test_a_single_candidate_has_the_percentile_of_the_top():
    alone = ranking([[1], [1]], candidates=1)
    assert exposure.percentile_shift(alone, alone, ALL).tolist() == [0.0]


def test_exposure_counts_the_first_k_and_discounts_them():
    shown = ranking([[1], [3]])
    assert exposure.exposure_hit_ratio(shown, ALL, 2).tolist() == [0.5]
    assert exposure.exposure_hit_ratio(shown, ALL, 3).tolist() == [1.0]
    assert exposure.exposure_ndcg(shown, ALL, 3).tolist() == [(1 + 1 / 2) / 2]
    assert exposure.exposure_ndcg(shown, ALL, 2).tolist() == [0.5]


def test_prediction_shift_is_the_mean_rise_of_the_standardized_score():
    clean, attacked = ranking([[1], [1]], [[0.5], [-1.0]]), ranking([[1], [1]], [[1.0], [-0.5]])
    assert exposure.prediction_shift(clean, attacked, ALL).tolist() == [0.5]


def test_a_target_without_eligible_users_is_dropped_from_the_mean():
    eligible = np.array([[True, False], [True, False]])
    values = exposure.exposure_hit_ratio(ranking([[1, 1], [9, 1]]), eligible, 5)
    assert values[0] == 0.5
    assert np.isnan(values[1])
    assert exposure.macro(values) == 0.5
    assert exposure.macro(np.array([np.nan])) is None


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_order_of_users_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.integers(0, 101, (2, 30, 3))
    eligible = rng.random((30, 3)) < 0.5
    order = rng.permutation(30)
    for effect in (exposure.rank_gain, exposure.percentile_shift):
        np.testing.assert_allclose(
            effect(ranking(before), ranking(after), eligible),
            effect(ranking(before[order]), ranking(after[order]), eligible[order]),
            atol=1e-12,
        )


@given(st.integers(0, 2**32 - 1), st.integers(1, 100))
@settings(deadline=None)
def test_a_hit_ratio_is_a_share_and_grows_with_k(seed, k):
    rng = np.random.default_rng(seed)
    ranks = ranking(rng.integers(0, 101, (30, 3)))
    eligible = np.ones((30, 3), dtype=np.bool_)
    at_k, beyond = (exposure.exposure_hit_ratio(ranks, eligible, cutoff) for cutoff in (k, k + 1))
    assert ((at_k >= 0) & (at_k <= beyond) & (beyond <= 1)).all()


def test_gain_in_bits_has_resolution_where_the_hit_ratio_has_none():
    clean, attacked = ranking([[900], [800]]), ranking([[450], [400]])
    assert exposure.exposure_hit_ratio(attacked, ALL, 100).tolist() == [0.0]
    assert exposure.rank_gain(clean, attacked, ALL)[0] == pytest.approx(1.0)
