"""The plane on which an explanation shows users."""

from __future__ import annotations

import numpy as np
import pytest

from recbench.data.interactions import Interactions
from recbench.matrix.explain import principal_plane


def test_the_plane_is_that_of_the_singular_value_decomposition_of_centred_rows_of_length_1() -> None:
    rng = np.random.default_rng(0)
    held = rng.random((40, 25)) < 0.3
    held[:, 3] |= np.arange(40) < 20
    users, items = np.nonzero(held)
    rows = held / np.linalg.norm(held, axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    plane = principal_plane(Interactions(users, items, 40, 25))
    np.testing.assert_allclose(np.abs(plane), np.abs(left[:, :2] * values[:2]), atol=1e-5)


def test_a_user_without_items_stands_where_no_item_is() -> None:
    plane = principal_plane(Interactions(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 3]), 4, 4))
    assert np.isfinite(plane).all()


@pytest.mark.parametrize(("n_users", "n_items"), [(4, 2), (2, 4), (1, 3), (3, 1)])
def test_there_is_a_plane_of_very_few_users_or_items(n_users: int, n_items: int) -> None:
    users, items = np.nonzero(np.arange(n_users * n_items).reshape(n_users, n_items) % 3 != 1)
    held = np.zeros((n_users, n_items))
    held[users, items] = 1
    rows = held / np.maximum(np.linalg.norm(held, axis=1, keepdims=True), 1)
    rows -= rows.mean(axis=0)
    plane = principal_plane(Interactions(users, items, n_users, n_items)).astype(float)
    assert plane.shape == (n_users, 2)
    np.testing.assert_allclose(plane @ plane.T, rows @ rows.T, atol=1e-6)
