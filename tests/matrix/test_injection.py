import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.contracts import Profiles
from recbench.data.interactions import Interactions
from recbench.matrix.injection import DAY, draw_templates, inject

N_ITEMS = 30


@st.composite
def cases(draw):
    """Genuine training data, fakes within the lengths of their templates, and a seed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_users = draw(st.integers(2, 8))
    lengths = np.concatenate([[rng.integers(1, 12)], rng.integers(0, 12, n_users - 1)])
    users = np.repeat(np.arange(n_users), lengths)
    items = np.concatenate([rng.choice(N_ITEMS, length, replace=False) for length in lengths])
    grid = draw(st.sampled_from([1, 60, DAY]))
    timestamps = draw(st.sampled_from([None, 10**9 + grid * rng.integers(0, 5000, len(users))]))
    ratings = draw(st.sampled_from([None, rng.integers(1, 6, len(users)).astype(np.float32)]))
    train = Interactions(users, items, n_users, N_ITEMS, ratings, timestamps)
    templates = draw_templates(train, draw(st.integers(1, 6)), draw(st.integers(0, 9)))
    sizes = rng.integers(1, train.user_counts[templates] + 1)
    rows = np.repeat(np.arange(len(templates)), sizes)
    content = np.concatenate([rng.choice(N_ITEMS, size, replace=False) for size in sizes])
    stars = None if ratings is None else rng.integers(1, 6, len(rows)).astype(np.float32)
    return train, Profiles.from_pairs(rows, content, len(templates), stars), templates, draw(st.integers(0, 99))


def columns(data: Interactions, users: np.ndarray) -> list:
    """The rows of some users, as values that can be compared."""
    rows = []
    for user in users:
        span = slice(data.indptr[user], data.indptr[user + 1])
        present = (data.items, data.ratings, data.timestamps)
        rows.append([None if column is None else column[span].tolist() for column in present])
    return rows


@given(cases())
@settings(max_examples=80, deadline=None)
def test_genuine_users_keep_their_rows_under_another_number(case):
    train, profiles, templates, seed = case
    poisoned = inject(train, profiles, templates, seed)
    assert sorted(poisoned.public_id.tolist()) == list(range(train.n_users + len(profiles)))
    genuine = poisoned.public_id[: train.n_users]
    assert columns(poisoned.data, genuine) == columns(train, np.arange(train.n_users))


@given(cases())
@settings(max_examples=80, deadline=None)
def test_fakes_are_there_in_full_and_in_click_order(case):
    train, profiles, templates, seed = case
    poisoned = inject(train, profiles, templates, seed)
    for fake, user in enumerate(poisoned.public_id[train.n_users :]):
        assert np.array_equal(poisoned.data.histories[user], profiles.histories[fake])
        if profiles.ratings is not None:
            span = slice(poisoned.data.indptr[user], poisoned.data.indptr[user + 1])
            expected = profiles.ratings[profiles.indptr[fake] : profiles.indptr[fake + 1]]
            assert np.array_equal(poisoned.data.ratings[span], expected)
    assert len(poisoned.data) == len(train) + len(profiles.items)


@given(cases())
@settings(max_examples=80, deadline=None)
def test_borrowed_timestamps_stay_in_the_range_and_on_the_grid_of_the_data(case):
    train, profiles, templates, seed = case
    data = inject(train, profiles, templates, seed).data
    if train.timestamps is None:
        assert data.timestamps is None
        return
    low = train.timestamps.min()
    assert data.timestamps.min() >= low
    assert data.timestamps.max() <= train.timestamps.max()
    grid = np.gcd.reduce(train.timestamps - low)
    assert ((data.timestamps - low) % max(grid, 1) == 0).all()


@given(cases())
@settings(max_examples=30, deadline=None)
def test_removing_users_leaves_the_others_and_all_ids(case):
    train, profiles, templates, seed = case
    poisoned = inject(train, profiles, templates, seed)
    removed = np.arange(len(poisoned.public_id)) % 2 == 1
    left = poisoned.without(removed)
    assert (left.n_users, left.n_items) == (poisoned.data.n_users, N_ITEMS)
    assert (left.user_counts[poisoned.public_id[removed]] == 0).all()
    kept = poisoned.public_id[~removed]
    assert columns(left, kept) == columns(poisoned.data, kept)


def test_a_seed_decides_everything(prepared):
    train = prepared.train
    templates = draw_templates(train, 5, seed=1)
    profiles = Profiles.from_pairs(np.arange(5), np.arange(5), 5)
    once, again, other = (inject(train, profiles, templates, seed) for seed in (3, 3, 4))
    assert once.data.digest == again.data.digest
    assert once.data.digest != other.data.digest


def test_clean_runs_are_permuted_too(prepared):
    clean = inject(prepared.train, Profiles.empty(), np.zeros(0, np.int64), seed=0)
    assert (clean.public_id != np.arange(prepared.train.n_users)).any()
    assert len(clean.data) == len(prepared.train)


def test_where_only_the_day_is_known_no_fake_comes_on_the_day_of_its_template(prepared):
    train = prepared.train
    days = Interactions(
        train.users, train.items, train.n_users, train.n_items, timestamps=train.timestamps // DAY * DAY
    )
    templates = draw_templates(days, 40, seed=0)
    profiles = Profiles.from_pairs(np.arange(40), np.zeros(40, np.int64), 40)
    poisoned = inject(days, profiles, templates, seed=0)
    for fake, template in zip(poisoned.public_id[days.n_users :], templates, strict=True):
        if days.timestamps[days.indptr[template]] == days.timestamps[days.indptr[template + 1] - 1]:
            assert poisoned.data.timestamps[poisoned.data.indptr[fake]] != days.timestamps[days.indptr[template]]


@pytest.mark.parametrize("count", [3, 10])
def test_templates_are_different_active_users(count):
    users = np.arange(1, 11)
    train = Interactions(users, np.zeros(10, np.int64), n_users=12, n_items=1)
    templates = draw_templates(train, count, seed=0)
    assert set(templates) <= set(users)
    assert len(set(templates)) == count


def test_more_fakes_than_users_share_templates():
    train = Interactions(np.arange(4), np.zeros(4, np.int64), n_users=4, n_items=1)
    assert len(draw_templates(train, 40, seed=0)) == 40
