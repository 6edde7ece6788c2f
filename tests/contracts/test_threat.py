"""The rating grid and the budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbench.contracts import Budget, RatingScale
from recbench.errors import DataError

# ml-100k, filmtrust, Jester-like, a binary scale, a grid that binary fractions cannot hold.
GRIDS = [(1, 5, 1), (0.5, 4, 0.5), (-10, 10, 0.01), (0, 1, 1), (0, 1, 0.1)]
SCALES = [RatingScale(*grid) for grid in GRIDS]
scales = pytest.mark.parametrize("scale", SCALES, ids=str)


@scales
@given(ratings=arrays(np.float64, 20, elements=st.floats(-20, 20)))
@settings(max_examples=40, deadline=None)
def test_rounding_gives_the_nearest_admissible_rating(scale: RatingScale, ratings: np.ndarray) -> None:
    rounded = scale.round(ratings)
    assert rounded.dtype == np.float32
    assert scale.holds(rounded).all()
    grid = np.arange(scale.low, scale.high + scale.step / 2, scale.step)
    nearest = np.abs(np.clip(ratings, scale.low, scale.high)[:, None] - grid).min(1)
    assert np.abs(rounded - np.clip(ratings, scale.low, scale.high)) == pytest.approx(nearest, abs=1e-5)
    assert np.array_equal(scale.round(rounded), rounded)


@scales
def test_the_grid_is_admissible_and_what_lies_between_or_beyond_is_not(scale: RatingScale) -> None:
    grid = np.linspace(scale.low, scale.high, round((scale.high - scale.low) / scale.step) + 1)
    assert scale.holds(grid.astype(np.float32)).all()
    assert not scale.holds(grid + 0.4 * scale.step).any()
    assert not scale.holds(np.array([scale.low - scale.step, scale.high + scale.step, np.nan, np.inf])).any()


@pytest.mark.parametrize("grid", [(1, 5, 1.5), (5, 1, 1), (1, 5, 0), (1, 5, -1), (1, 1, 1), (1, 5, float("nan"))])
def test_a_scale_that_is_no_grid_is_refused(grid: tuple[float, float, float]) -> None:
    with pytest.raises(DataError, match="rating scale"):
        RatingScale(*grid)


def test_a_budget_has_one_size_a_profile() -> None:
    assert Budget(np.array([3, 5, 4]), 10).n_profiles == 3


def test_a_budget_cannot_be_written_to_and_does_not_follow_what_it_was_made_from() -> None:
    drawn = np.array([3, 5, 4])
    budget = Budget(drawn, 10)
    with pytest.raises(ValueError, match="read-only"):
        budget.sizes[0] = 9
    drawn[0] = 9
    assert budget.sizes.tolist() == [3, 5, 4]
