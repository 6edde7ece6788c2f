"""Projection and straight-through: from profiles that carry gradient to profiles that can be injected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbench.contracts import Budget, Profiles, RatingScale, RelaxedProfiles, project, straight_through, torch_rng

M, N = 4, 12
SCALE = RatingScale(1, 5, 0.5)
# Few distinct values, so that ties are common.
weights = arrays(np.float32, (M, N), elements=st.sampled_from([-1.0, 0.0, 0.1, 0.3, 0.5, 0.7, 1.0, 2.5]))
sizes = arrays(np.int64, M, elements=st.integers(1, N - 3))
seeds = st.integers(0, 2**32)
quick = settings(max_examples=60, deadline=None)
NOTHING = np.zeros(0, np.int64)


def _items(profiles: Profiles, k: int) -> set[int]:
    return set(profiles.histories[k].tolist())


@quick
@given(weights, sizes, seeds, st.sets(st.integers(0, N - 1), max_size=3), st.sets(st.integers(0, N - 1), max_size=2))
def test_sizes_are_exact_targets_are_counted_and_what_is_banned_is_absent(
    weights: np.ndarray, sizes: np.ndarray, seed: int, always: set[int], never: set[int]
) -> None:
    never -= always
    budget = Budget(sizes, N)
    targets, banned = np.array(sorted(always), dtype=np.int64), np.array(sorted(never), dtype=np.int64)
    profiles = project(RelaxedProfiles.dense(torch.tensor(weights)), budget, seed, targets, banned)
    profiles.check(budget)
    assert profiles.histories.lengths.tolist() == sizes.tolist()
    for k in range(M):
        held = _items(profiles, k)
        assert len(held & always) == min(len(always), sizes[k])
        assert not held & never
        fillers, left = sorted(held - always), sorted(set(range(N)) - held - always - never)
        # By weight: nothing that was left out weighs more than a filler that was kept.
        if fillers and left:
            assert weights[k, fillers].min() >= weights[k, left].max()


@quick
@given(weights, sizes, seeds)
def test_the_forward_pass_is_exactly_zero_or_one_as_the_projection_and_the_gradient_is_the_identity(
    weights: np.ndarray, sizes: np.ndarray, seed: int
) -> None:
    budget, targets = Budget(sizes, N), np.array([3])
    soft = torch.tensor(weights * np.float32(0.7123)).requires_grad_()
    hard = straight_through(RelaxedProfiles.dense(soft), budget, seed, always=targets)
    projected = project(RelaxedProfiles.dense(soft), budget, seed, always=targets)
    assert set(hard.weights.tolist()) <= {0.0, 1.0}
    held = [set(np.flatnonzero(row).tolist()) for row in hard.matrix().detach().numpy()]
    assert held == [_items(projected, k) for k in range(M)]
    upstream = torch.randn(M * N, generator=torch_rng(seed, "upstream"))
    (gradient,) = torch.autograd.grad(hard.weights, soft, upstream)
    assert torch.equal(gradient.flatten(), upstream)


@quick
@given(weights, sizes, seeds, st.sets(st.integers(0, N - 1), max_size=3), st.sets(st.integers(0, N - 1), max_size=2))
def test_the_heaviest_entries_of_blocks_are_projected_as_the_whole_catalogue_is(
    weights: np.ndarray, sizes: np.ndarray, seed: int, always: set[int], never: set[int]
) -> None:
    # Distinct weights: which of several equal ones is taken depends on how many entries draw lots.
    weights = weights + np.linspace(0, 0.05, M * N, dtype=np.float32).reshape(M, N)
    targets, banned = np.array(sorted(always), dtype=np.int64), np.array(sorted(never - always), dtype=np.int64)
    sizes = np.maximum(sizes, len(always))
    whole = RelaxedProfiles.dense(torch.tensor(weights))
    heaviest = RelaxedProfiles.heaviest(torch.tensor(weights).split(3), sizes, targets, banned)
    assert heaviest.indptr.diff().tolist() == sizes.tolist()
    expected, found = (project(each, Budget(sizes, N), seed, targets, banned) for each in (whole, heaviest))
    assert [_items(found, k) for k in range(M)] == [_items(expected, k) for k in range(M)]


@quick
@given(weights, sizes, seeds)
def test_the_heaviest_entries_hold_all_that_weigh_the_same_and_all_targets_of_a_profile_too_short_for_them(
    weights: np.ndarray, sizes: np.ndarray, seed: int
) -> None:
    targets, budget = np.array([0, 5, 7]), Budget(np.minimum(sizes, 2), N)
    heaviest = RelaxedProfiles.heaviest([torch.tensor(weights)], sizes)
    held = torch.zeros(M, N).index_put((heaviest.rows, heaviest.items), torch.ones(())).numpy()
    assert np.array_equal(heaviest.matrix().numpy(), weights * held)
    for k in range(M):
        assert set(np.flatnonzero(held[k])) == set(np.flatnonzero(weights[k] >= np.sort(weights[k])[-sizes[k]]))
    short = project(RelaxedProfiles.heaviest([torch.tensor(weights)], budget.sizes, targets), budget, seed, targets)
    assert short.histories.lengths.tolist() == budget.sizes.tolist()
    assert set(short.items.tolist()) <= set(targets.tolist())


@quick
@given(sizes, seeds, arrays(np.float32, (M, N), elements=st.floats(-3, 9, width=32)))
def test_ratings_are_those_of_the_scale_and_carry_their_gradient(
    sizes: np.ndarray, seed: int, rated: np.ndarray
) -> None:
    budget = Budget(sizes, N, SCALE)
    ratings = torch.tensor(rated).requires_grad_()
    relaxed = RelaxedProfiles.dense(torch.rand(M, N, generator=torch_rng(seed, "weights")), ratings)
    hard, projected = straight_through(relaxed, budget, seed), project(relaxed, budget, seed)
    assert hard.ratings is not None
    assert projected.ratings is not None
    projected.check(budget)
    values = hard.ratings.detach().reshape(M, N).numpy()
    assert SCALE.holds(values).all()
    assert np.array_equal(values[projected.histories.rows, projected.items], projected.ratings)
    (gradient,) = torch.autograd.grad(hard.ratings.sum(), ratings)
    assert torch.equal(gradient, torch.ones(M, N))


def test_weight_decides_and_rating_does_not() -> None:
    weights = torch.tensor([[0.9, 0.8, 0.1, 0.2]])
    ratings = torch.tensor([[1.0, 1.0, 5.0, 5.0]])
    profiles = project(RelaxedProfiles.dense(weights, ratings), Budget(np.array([2]), 4, SCALE), 0)
    assert _items(profiles, 0) == {0, 1}
    assert profiles.ratings is not None
    assert profiles.ratings.tolist() == [1.0, 1.0]


def test_ties_are_decided_by_the_seed_and_not_by_the_item_id() -> None:
    m, n, size = 200, 10, 3
    budget = Budget(np.full(m, size), n)
    even = RelaxedProfiles.dense(torch.full((m, n), 0.5))
    counts = np.bincount(project(even, budget, 0).items, minlength=n)
    # 200 fair draws of 3 in 10: 60 an item, deviation 6.5.
    assert abs(counts - m * size / n).max() < 5 * 6.5
    assert np.array_equal(project(even, budget, 0).items, project(even, budget, 0).items)
    assert not np.array_equal(project(even, budget, 0).items, project(even, budget, 1).items)


def test_the_click_order_is_drawn_by_lot_and_shuffled_gives_a_surrogate_the_same() -> None:
    relaxed = RelaxedProfiles.dense(torch.rand(50, 20, generator=torch_rng(0, "weights")))
    budget = Budget(np.full(50, 10), 20)
    profiles = project(relaxed, budget, 7)
    ascending = [(np.diff(profiles.histories[k]) > 0).mean() for k in range(50)]
    assert 0.4 < np.mean(ascending) < 0.6
    hard = straight_through(relaxed, budget, 7).shuffled(7)
    kept = hard.weights.numpy() == 1
    assert np.array_equal(hard.items.numpy()[kept], profiles.items)
    assert torch.equal(hard.matrix(), straight_through(relaxed, budget, 7).matrix())


def test_shuffling_moves_weights_and_ratings_with_their_items() -> None:
    weights = torch.rand(3, 8, generator=torch_rng(0, "weights"), requires_grad=True)
    relaxed = RelaxedProfiles.dense(weights, 1 + torch.arange(24.0).reshape(3, 8))
    mixed = relaxed.shuffled(1)
    assert torch.equal(mixed.matrix(), relaxed.matrix())
    assert mixed.ratings is not None
    assert torch.equal(mixed.ratings, 1 + mixed.rows * 8 + mixed.items.float())
    assert torch.equal(torch.autograd.grad(mixed.weights.sum(), weights)[0], torch.ones(3, 8))


def test_discrete_profiles_are_relaxed_and_projected_back_unchanged() -> None:
    profiles = Profiles(np.array([0, 2, 5]), np.array([7, 1, 4, 0, 9]), np.array([5, 2, 3, 1, 4]))
    relaxed = RelaxedProfiles.of(profiles, 10)
    back = project(relaxed, Budget(np.array([2, 3]), 10, SCALE), 0)
    assert back.ratings is not None
    for k in range(2):
        assert _items(back, k) == _items(profiles, k)
    assert dict(zip(back.items.tolist(), back.ratings.tolist(), strict=True)) == {7: 5, 1: 2, 4: 3, 0: 1, 9: 4}


def test_a_support_smaller_than_the_budget_gives_a_shorter_profile_and_nothing_is_invented() -> None:
    relaxed = RelaxedProfiles(torch.tensor([0, 2]), torch.tensor([3, 5]), torch.tensor([0.2, 0.9]), n_items=9)
    assert _items(project(relaxed, Budget(np.array([6]), 9), 0), 0) == {3, 5}


def test_a_target_outside_the_support_is_an_error_and_not_a_profile_without_it() -> None:
    relaxed = RelaxedProfiles(torch.tensor([0, 2, 4]), torch.tensor([3, 5, 3, 4]), torch.ones(4), n_items=9)
    for convert in (project, straight_through):
        with pytest.raises(ValueError, match="profile 1 does not hold every item of `always`"):
            convert(relaxed, Budget(np.array([2, 2]), 9), 0, always=np.array([5]))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_an_error(bad: float) -> None:
    relaxed = RelaxedProfiles.dense(torch.tensor([[0.5, bad, 0.2]]))
    with pytest.raises(FloatingPointError, match="not finite"):
        project(relaxed, Budget(np.array([2]), 3), 0)
    with pytest.raises(FloatingPointError, match="not finite"):
        RelaxedProfiles.heaviest([torch.tensor([[0.5, bad, 0.2]])], np.array([2]))


def test_the_dense_matrix_carries_the_gradient_of_sparse_weights() -> None:
    weights = torch.tensor([0.2, 0.4, 0.6], requires_grad=True)
    relaxed = RelaxedProfiles(torch.tensor([0, 1, 3]), torch.tensor([2, 0, 3]), weights, n_items=4)
    assert relaxed.matrix().tolist() == [[0, 0, pytest.approx(0.2), 0], [pytest.approx(0.4), 0, 0, pytest.approx(0.6)]]
    (gradient,) = torch.autograd.grad((relaxed.matrix() * torch.arange(8.0).reshape(2, 4)).sum(), weights)
    assert gradient.tolist() == [2, 4, 7]
    assert replace(relaxed, weights=weights.detach()).matrix().requires_grad is False
