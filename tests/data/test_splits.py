from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.data.splits import Split, leave_one_out, ratio_split, temporal_split
from recbench.errors import DataError

Pairs = set[tuple[int, int]]


@st.composite
def timed(draw: st.DrawFn) -> Interactions:
    """Distinct (user, item) pairs with few distinct timestamps, so that ties are common."""
    cells = draw(hnp.arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.booleans()))
    users, items = np.nonzero(cells)
    times = draw(hnp.arrays(np.int64, len(users), elements=st.integers(0, 5)))
    return Interactions(users, items, *cells.shape, timestamps=times)


def shuffled(data: Interactions, seed: int) -> Interactions:
    order = np.random.default_rng(seed).permutation(len(data))
    times = None if data.timestamps is None else data.timestamps[order]
    return Interactions(data.users[order], data.items[order], data.n_users, data.n_items, timestamps=times)


def pairs(data: Interactions) -> Pairs:
    return set(zip(data.users.tolist(), data.items.tolist(), strict=True))


def parts(split: Split) -> tuple[Pairs, Pairs, Pairs]:
    return pairs(split.train), pairs(split.validation), pairs(split.test)


def assert_partition(split: Split, data: Interactions) -> None:
    train, validation, test = parts(split)
    assert len(split.train) + len(split.validation) + len(split.test) == len(data)
    assert train | validation | test == pairs(data)
    for part in (split.train, split.validation, split.test):
        assert (part.n_users, part.n_items) == (data.n_users, data.n_items)


@given(timed(), st.integers(0, 2**31))
def test_a_ratio_split_is_a_partition_that_leaves_everyone_something_to_train_on(data: Interactions, seed: int) -> None:
    split = ratio_split(data, seed, validation=0.2, test=0.3)
    assert_partition(split, data)
    counts = data.user_counts
    assert (split.train.user_counts >= np.minimum(counts, 1)).all()
    large = counts >= 4
    np.testing.assert_array_equal(split.test.user_counts[large], np.floor(counts[large] * 0.3 + 0.5))
    np.testing.assert_array_equal(split.validation.user_counts[large], np.floor(counts[large] * 0.2 + 0.5))


@given(timed(), st.integers(0, 2**31))
def test_splits_do_not_depend_on_the_order_of_rows(data: Interactions, seed: int) -> None:
    again = shuffled(data, seed)
    assert parts(ratio_split(data, seed)) == parts(ratio_split(again, seed))
    assert parts(leave_one_out(data, seed)) == parts(leave_one_out(again, seed))


@given(timed(), st.integers(0, 2**31))
def test_a_temporal_split_does_not_depend_on_the_order_of_rows(data: Interactions, seed: int) -> None:
    try:
        split = temporal_split(data, 0.2, 0.2)
    except DataError:
        with pytest.raises(DataError):
            temporal_split(shuffled(data, seed), 0.2, 0.2)
    else:
        assert parts(split) == parts(temporal_split(shuffled(data, seed), 0.2, 0.2))


@given(timed(), st.sampled_from([0.0, 0.1, 0.25]), st.sampled_from([0.1, 0.3, 0.5]))
def test_a_temporal_split_never_trains_on_the_future(data: Interactions, validation: float, test: float) -> None:
    try:
        split = temporal_split(data, validation, test)
    except DataError:
        # Some second holds more than a part's share, or the data is too small to have a share.
        seconds = np.bincount(data.timestamps)
        least = min(share for share in (validation, test) if share)
        assert max(seconds, default=0) > len(data) * least - 1 or len(data) * least < 1
        return
    assert_partition(split, data)
    assert len(split.test) <= round(len(data) * test)
    times = [part.timestamps for part in (split.train, split.validation, split.test) if len(part)]
    assert len(times) == (3 if validation else 2)
    assert all(before.max() < after.min() for before, after in pairwise(times))


@given(timed(), st.integers(0, 2**31))
def test_leave_one_out_tests_on_the_last_and_validates_on_the_one_before(data: Interactions, seed: int) -> None:
    split = leave_one_out(data, seed)
    assert_partition(split, data)
    enough = data.user_counts >= 3
    np.testing.assert_array_equal(split.test.user_counts, enough)
    np.testing.assert_array_equal(split.validation.user_counts, enough)
    for user in np.flatnonzero(enough):
        train = split.train.timestamps[split.train.users == user]
        validation = split.validation.timestamps[split.validation.users == user]
        assert train.max() <= validation[0] <= split.test.timestamps[split.test.users == user][0]


def test_leave_one_out_follows_the_click_order_where_there_is_no_time() -> None:
    data = Interactions(np.array([0, 1, 0, 0, 1]), np.array([4, 1, 2, 3, 0]), 2, 5)
    assert parts(leave_one_out(data, seed=0)) == ({(0, 4), (1, 1), (1, 0)}, {(0, 2)}, {(0, 3)})


def test_ties_in_time_are_not_broken_by_item_id() -> None:
    users, items = np.divmod(np.arange(3000), 3)
    data = Interactions(users, items, 1000, 3, timestamps=np.zeros(3000, dtype=np.int64))
    np.testing.assert_allclose(np.bincount(leave_one_out(data, seed=0).test.items) / 1000, 1 / 3, atol=0.05)


def test_another_seed_is_another_split(mirror: Path) -> None:
    data = read_interactions(mirror / "ml-100k").interactions
    one, other = ratio_split(data, seed=1), ratio_split(data, seed=2)
    assert one.test.digest == ratio_split(data, seed=1).test.digest
    assert one.test.digest != other.test.digest
    # Two independent tenths share a tenth.
    assert len(pairs(one.test) & pairs(other.test)) / len(one.test) == pytest.approx(0.1, abs=0.02)


def test_ml_100k_splits_into_80_10_10(mirror: Path) -> None:
    data = read_interactions(mirror / "ml-100k").interactions
    for split in (ratio_split(data, seed=1), temporal_split(data)):
        sizes = np.array([len(split.train), len(split.validation), len(split.test)])
        np.testing.assert_allclose(sizes / len(data), [0.8, 0.1, 0.1], atol=0.005)
        assert split.train.ratings is not None
    held_out = leave_one_out(data, seed=1)
    assert (len(held_out.validation), len(held_out.test)) == (943, 943)


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.9, 0.2)])
def test_shares_that_leave_nothing_to_train_on_are_refused(validation: float, test: float) -> None:
    data = Interactions(np.array([0, 1]), np.array([0, 0]), 2, 1, timestamps=np.array([0, 1]))
    for split in (lambda: ratio_split(data, 0, validation, test), lambda: temporal_split(data, validation, test)):
        with pytest.raises(DataError, match="nothing to train on"):
            split()


def test_a_temporal_split_needs_distinct_timestamps() -> None:
    users = np.arange(10)
    with pytest.raises(DataError, match="needs timestamps"):
        temporal_split(Interactions(users, users, 10, 10))
    with pytest.raises(DataError, match="too few distinct timestamps"):
        temporal_split(Interactions(users, users, 10, 10, timestamps=np.zeros(10, dtype=np.int64)))
