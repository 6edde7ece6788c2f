"""Full ranking: against a plain sort, and against scorers that do not behave."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.data.interactions import Histories
from recbench.errors import InvalidScores
from recbench.evaluation import ranking
from recbench.evaluation.audience import Audience
from recbench.evaluation.quality import Relevance, ndcg
from recbench.evaluation.ranking import rank, validation_quality
from recbench.seeds import numpy_rng

NO_TARGETS = np.zeros(0, dtype=np.int64)


def everyone(n):
    return Audience(np.arange(n), np.arange(n))


def world(seed, n_users=23, n_items=40, distinct=1000):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, distinct, (n_users, n_items)).astype(np.float32)
    consumed = rng.random((n_users, n_items)) < 0.3
    consumed[0] = True  # a user without candidates
    indptr = np.concatenate([[0], np.cumsum(consumed.sum(axis=1))])
    return scores, consumed, Histories(indptr, np.nonzero(consumed)[1].astype(np.int32))


def by_sorting(scores, consumed, targets, k, seed):
    """Top lists and target ranks user by user."""
    place = numpy_rng(seed, "ties").permutation(scores.shape[1])
    top = np.full((len(scores), k), -1)
    ranks = np.zeros((len(scores), len(targets)), dtype=int)
    for user, row in enumerate(scores):
        candidates = np.flatnonzero(~consumed[user])
        order = candidates[np.lexsort((place[candidates], -row[candidates]))]
        top[user, : len(order[:k])] = order[:k]
        for column, target in enumerate(targets):
            if target in order:
                ranks[user, column] = 1 + order.tolist().index(target)
    return top, ranks


@given(seed=st.integers(0, 2**32 - 1), distinct=st.sampled_from([1, 3, 1000]), k=st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_lists_and_target_ranks_are_those_of_a_plain_sort(seed, distinct, k):
    scores, consumed, histories = world(seed, distinct=distinct)
    targets = np.array([0, 7, 39])

    class Fixed:
        def score(self, users):
            return scores[users]

    result = rank(Fixed(), everyone(len(scores)), histories, 40, targets, k, seed=5)
    top, ranks = by_sorting(scores, consumed, targets, k, seed=5)
    np.testing.assert_array_equal(result.top, top)
    np.testing.assert_array_equal(result.target_ranks, ranks)
    np.testing.assert_array_equal(result.candidates, (~consumed).sum(axis=1))
    assert [array.dtype for array in (result.top, result.target_ranks, result.candidates)] == [np.int32] * 3


def test_every_user_is_asked_about_once_and_fakes_leave_no_trace(table):
    scores, _, histories = world(0)
    ids = np.random.default_rng(3).permutation(len(scores) + 4)  # 4 fakes
    permuted = np.zeros((len(ids), 40), dtype=np.float32)
    permuted[ids[: len(scores)]] = scores
    permuted[ids[len(scores) :]] = 1e6
    scorer = table(permuted)
    audience = Audience.shuffled(ids, len(scores), seed=1)
    injected = rank(scorer, audience, histories, 40, np.array([3]), 10, seed=2)
    clean = rank(table(scores), everyone(len(scores)), histories, 40, np.array([3]), 10, seed=2)
    assert sorted(scorer.asked) == list(range(len(ids)))
    assert scorer.asked != sorted(scorer.asked)
    for name in ("top", "target_ranks", "target_scores", "candidates"):
        np.testing.assert_array_equal(getattr(injected, name), getattr(clean, name))


def test_the_size_of_a_chunk_changes_nothing(table, monkeypatch):
    scores, _, histories = world(4, n_users=130, distinct=5)
    whole = rank(table(scores), everyone(130), histories, 40, np.array([1, 2]), 10, seed=0)
    monkeypatch.setattr(ranking, "CHUNK_BYTES", 0)
    monkeypatch.setattr(ranking, "CHUNK_USERS", 7)
    chunked = rank(table(scores), everyone(130), histories, 40, np.array([1, 2]), 10, seed=0)
    for name in ("top", "target_ranks", "target_scores"):
        np.testing.assert_array_equal(getattr(chunked, name), getattr(whole, name))


def test_ties_are_broken_by_the_seed_and_not_by_the_item_id(table, lists):
    flat = table(np.zeros((2, 100)))
    first, again, other = (
        rank(flat, everyone(2), lists([[], []]), 100, np.array([0, 99]), 100, seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.top, again.top)
    np.testing.assert_array_equal(first.top[0], first.top[1])
    assert sorted(first.top[0]) == list(range(100))
    assert first.top[0].tolist() != list(range(100))
    assert first.top[0].tolist() != other.top[0].tolist()
    assert first.top[0, first.target_ranks[0] - 1].tolist() == [0, 99]


def test_a_target_that_is_already_consumed_has_rank_zero(table, lists):
    result = rank(table(np.ones((2, 3))), everyone(2), lists([[1], []]), 3, np.array([1]), 3, seed=0)
    assert result.target_ranks[0, 0] == 0
    assert result.target_ranks[1, 0] > 0
    assert 1 not in result.top[0]


def test_fewer_candidates_than_k_give_a_shorter_list(table, lists):
    scores = np.arange(8, dtype=np.float64).reshape(2, 4)
    result = rank(table(scores), everyone(2), lists([[3, 1], []]), 4, NO_TARGETS, 6, seed=0)
    assert result.top.tolist() == [[2, 0, -1, -1, -1, -1], [3, 2, 1, 0, -1, -1]]


def test_target_scores_are_standardized_over_each_users_candidates(table, lists):
    scores = np.random.default_rng(0).normal(50, 3, (5, 30))
    scores[3] = 0.1
    consumed = [[5, 9], [0, 7, 29], [], [1], list(range(30))]
    result = rank(table(scores), everyone(5), lists(consumed), 30, np.array([5, 6]), 3, seed=0)
    for user in range(3):
        own = np.delete(scores[user], consumed[user])
        expected = (scores[user, 5:7] - own.mean()) / own.std()
        expected[np.isin([5, 6], consumed[user])] = 0
        np.testing.assert_allclose(result.target_scores[user], expected, rtol=1e-6)
    assert result.target_scores[3:].tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("mask", [-1e3, -1e9, np.finfo(np.float32).min, np.finfo(np.float32).max])
def test_how_a_model_scores_what_is_consumed_does_not_move_a_target(table, mask):
    scores, consumed, histories = world(2)
    found, masked = (
        rank(table(given), everyone(len(scores)), histories, 40, np.array([0, 7, 39]), 10, seed=0)
        for given in (scores, np.where(consumed, np.float32(mask), scores))
    )
    assert np.count_nonzero(found.target_scores) > 20
    np.testing.assert_array_equal(masked.target_scores, found.target_scores)


def test_target_scores_far_from_zero_lose_no_more_than_the_model_lost(table):
    """Neither the mean nor the deviation may add rounding of its own."""
    rng = np.random.default_rng(0)
    scores = (1e5 + rng.normal(0, 1, (64, 5000))).astype(np.float32)
    _, consumed, histories = world(2, n_users=64, n_items=5000)
    result = rank(table(scores), everyone(64), histories, 5000, np.array([0, 7]), 10, seed=0)
    exact = np.ma.masked_array(scores.astype(np.float64), consumed)
    expected = ((exact - exact.mean(axis=1)[:, None]) / exact.std(axis=1)[:, None])[:, [0, 7]].filled(0)
    np.testing.assert_allclose(result.target_scores, expected, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused_with_the_user_and_the_item(table, lists, value):
    scores = np.zeros((5, 4), dtype=np.float32)
    scores[3, 2] = value
    with pytest.raises(InvalidScores, match=f"Table gave user 3 the score {value} for item 2"):
        rank(table(scores), everyone(5), lists([[]] * 5), 4, NO_TARGETS, 2, seed=0)


def test_a_bad_score_of_a_fake_user_is_refused_too(table, lists):
    scores = np.zeros((2, 4))
    scores[1] = np.nan
    with pytest.raises(InvalidScores, match="user 1"):
        rank(table(scores), Audience(np.arange(2), np.array([0, -1])), lists([[]]), 4, NO_TARGETS, 2, seed=0)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (np.zeros((3, 5)), r"shape \(3, 5\); expected \(3, 4\)"),
        (np.zeros((3, 4), dtype=np.int64), "int64 scores; expected float32"),
        (np.full((3, 4), None), "object scores"),
    ],
)
def test_scores_of_a_wrong_shape_or_type_are_refused(table, lists, scores, reason):
    with pytest.raises(InvalidScores, match=reason):
        rank(table(scores), everyone(3), lists([[]] * 3), 4, NO_TARGETS, 2, seed=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_torch_scores_rank_as_numpy_scores_do(table, lists, dtype):
    scores = torch.tensor([[3.0, 1.0, 2.0], [0.5, 4.0, 8.0]], dtype=dtype, requires_grad=True)
    assert rank(table(scores), everyone(2), lists([[], [2]]), 3, NO_TARGETS, 2, seed=0).top.tolist() == [[0, 2], [1, 0]]


def test_the_scorers_own_array_is_never_written_to(lists):
    scores = np.random.default_rng(0).random((4, 6))
    before = scores.copy()

    class Shared:
        def score(self, users):
            return scores[users[0] : users[0] + len(users)]  # a view of the model

    rank(Shared(), everyone(4), lists([[0], [1], [2], [3]]), 6, np.array([4]), 3, seed=0)
    np.testing.assert_array_equal(scores, before)


def test_validation_quality_is_ndcg_over_the_genuine_users_with_validation_items(table, lists):
    scores, consumed, histories = world(9)
    held = [[int(np.flatnonzero(~row)[0])] if user % 2 and not row.all() else [] for user, row in enumerate(consumed)]
    validation = lists(held)
    scorer = table(scores)
    found = validation_quality(scorer, everyone(len(scores)), histories, 40, validation, seed=5)
    top, _ = by_sorting(scores, consumed, [], 10, seed=5)
    expected = [
        1 / np.log2(2 + top[user].tolist().index(row[0])) if row[0] in top[user] else 0.0
        for user, row in enumerate(held)
        if row
    ]
    assert found == pytest.approx(np.mean(expected))
    assert found == pytest.approx(ndcg(Relevance.of(top.astype(np.int32), validation), 10).mean())
    assert len(scorer.asked) == len(scores)


def test_validation_without_a_single_item_is_an_error(table, lists):
    with pytest.raises(ValueError, match="no user has a validation item"):
        validation_quality(table(np.zeros((1, 3))), everyone(1), lists([[]]), 3, lists([[]]), seed=0)


def test_a_shuffled_audience_mixes_fakes_among_genuine_users():
    audience = Audience.shuffled(np.arange(100, 200), n_genuine=90, seed=0)
    assert sorted(audience.users) == list(range(100, 200))
    np.testing.assert_array_equal(audience.rows, np.where(audience.users < 190, audience.users - 100, -1))
    assert (np.flatnonzero(audience.rows < 0) < 90).any()
    assert (np.diff(audience.users) < 0).any()


@pytest.mark.parametrize("rows", [[0, 0], [0, 2], [1, 2]])
def test_an_audience_numbers_each_genuine_user_once(rows):
    with pytest.raises(ValueError, match=r"number the genuine users 0\.\.n-1"):
        Audience(np.arange(2), np.array(rows))
