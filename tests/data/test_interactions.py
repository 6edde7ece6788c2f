import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbench.data.interactions import Interactions
from recbench.errors import DataError


@st.composite
def raw(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Shuffled distinct pairs with timestamps full of ties."""
    cells = draw(hnp.arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.booleans()))
    users, items = np.nonzero(cells)
    order = np.array(draw(st.permutations(range(len(users)))), dtype=int)
    times = draw(hnp.arrays(np.int64, len(users), elements=st.integers(0, 3)))
    return users[order], items[order], times, *cells.shape


@given(raw())
def test_rows_are_kept_by_user_and_time_and_ties_as_given(given_rows: tuple) -> None:
    users, items, times, n_users, n_items = given_rows
    data = Interactions(users, items, n_users, n_items, timestamps=times)
    expected = sorted(range(len(users)), key=lambda row: (users[row], times[row]))
    np.testing.assert_array_equal(data.items, items[expected])
    np.testing.assert_array_equal(data.timestamps, times[expected])
    for user in range(n_users):
        np.testing.assert_array_equal(data.histories[user], data.items[data.users == user])


@given(raw())
def test_contains_and_the_matrix_agree_with_the_pairs(given_rows: tuple) -> None:
    users, items, _, n_users, n_items = given_rows
    data = Interactions(users, items, n_users, n_items)
    dense = np.zeros((n_users, n_items), dtype=bool)
    dense[users, items] = True
    np.testing.assert_array_equal(data.csr.toarray(), dense)
    np.testing.assert_array_equal(data.contains(np.arange(n_users)[:, None], np.arange(n_items)), dense)
    np.testing.assert_array_equal(data.item_counts, dense.sum(axis=0))


def test_pairs_beyond_32_bits_are_told_apart() -> None:
    users, items = np.array([0, 99_999]), np.array([0, 99_999])
    data = Interactions(users, items, 100_000, 100_000)
    # 99,999 * 100,000 + 99,999 wraps round to 1,410,065,407 in 32 bits.
    np.testing.assert_array_equal(data.contains(np.array([99_999, 14_100]), np.array([99_999, 65_407])), [True, False])


@pytest.mark.parametrize(
    ("users", "items", "ratings", "message"),
    [
        ([0, 1, 0], [1, 0, 1], None, "user 0 has item 1 more than once"),
        ([0, 2], [0, 0], None, "user ids reach from 0 to 2; expected 0 to 1"),
        ([0, 2**32 + 1], [0, 0], None, "user ids reach from 0 to 4294967297; expected 0 to 1"),
        ([0, 1], [-1, 0], None, "item ids reach from -1 to 0"),
        ([0, 1], [0], None, "items has shape"),
        ([0.0, 1.0], [0, 1], None, "users must be integer ids"),
        ([0, 1], [0, 1], [np.nan, 1], "not finite"),
    ],
)
def test_impossible_rows_are_refused(users: list, items: list, ratings: list | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Interactions(
            np.array(users), np.array(items), 2, 2, ratings=None if ratings is None else np.array(ratings, np.float32)
        )


def test_arrays_cannot_be_written_to() -> None:
    data = Interactions(np.array([0, 1]), np.array([0, 1]), 2, 2)
    with pytest.raises(ValueError, match="read-only"):
        data.users[0] = 1


def test_the_digest_tells_content_and_sizes_apart() -> None:
    data = Interactions(np.array([0, 1]), np.array([0, 1]), 2, 2)
    assert data.digest == Interactions(np.array([1, 0]), np.array([1, 0]), 2, 2).digest
    assert data.digest != Interactions(np.array([0, 1]), np.array([0, 1]), 2, 3).digest
    assert data.digest != Interactions(np.array([0, 1]), np.array([0, 1]), 2, 2, ratings=np.array([1, 1])).digest


def test_times_that_are_no_whole_seconds_are_refused() -> None:
    with pytest.raises(DataError, match="timestamps must be whole seconds, not float64"):
        Interactions(np.array([0, 0]), np.array([0, 1]), 1, 2, timestamps=np.array([np.nan, 3.7]))
