"""Finding the target among the items of the most suspicious users."""

import numpy as np

from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection.target_lift import kept, most_suspicious, target_lift


def planted(n_fakes: int = 12) -> tuple[Interactions, np.ndarray]:
    """200 users with 20 of 100 items at random, the last `n_fakes` of whom also hold item 100; and their suspicion."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(200), 20)
    items = np.concatenate([rng.choice(100, 20, replace=False) for _ in range(200)])
    fakes = np.arange(200 - n_fakes, 200)
    data = Interactions(np.concatenate([users, fakes]), np.concatenate([items, np.full(n_fakes, 100)]), 200, 101)
    return data, np.arange(200) / 200


def test_the_lift_is_that_of_its_definition() -> None:
    data, suspicion = planted()
    suspects = most_suspicious(suspicion, 0.10)
    lift = target_lift(data, suspects)
    counts = data.item_counts
    held = np.array([suspects[data.users[data.items == item]].sum() for item in range(101)])
    # The target has fewer holders than any other item: it is among the tenth with the fewest.
    group = np.flatnonzero(counts < np.quantile(counts, 0.1))
    share = (held[group].sum() + 1) / (counts[group].sum() + 2)
    assert counts[100] == held[100] == 12
    expected = (12 - 12 * share) / np.sqrt(12 * share * (1 - share))
    np.testing.assert_allclose(lift[100], expected, rtol=0.02)  # 101 items do not split evenly
    assert (lift[:100] == -np.inf).all()  # nothing else is held by suspects in majority


def test_suspicious_holders_of_the_target_go_and_nobody_else() -> None:
    data, suspicion = planted()
    np.testing.assert_array_equal(np.flatnonzero(~kept(data, suspicion, 6.0)), np.arange(188, 200))


def test_a_holder_who_is_not_suspicious_stays() -> None:
    data, suspicion = planted()
    suspicion = suspicion.copy()
    suspicion[199] = -1.0
    np.testing.assert_array_equal(np.flatnonzero(~kept(data, suspicion, 6.0)), np.arange(188, 199))


def test_without_a_target_everybody_stays() -> None:
    data, suspicion = planted(n_fakes=0)
    assert kept(data, suspicion, 6.0).all()


def test_an_item_that_most_holders_have_honestly_is_no_target() -> None:
    data, suspicion = planted()
    honest = np.arange(0, 13)  # 13 holders who are not suspicious, against 12 who are
    more = Interactions(np.concatenate([data.users, honest]), np.concatenate([data.items, np.full(13, 100)]), 200, 101)
    assert kept(more, suspicion, 3.0).all()
    fewer = more.select(more.users * 101 + more.items != 100)  # user 0 without it: 12 against 12
    fewer = fewer.select(fewer.users * 101 + fewer.items != 101 + 100)  # 11 against 12
    assert (~kept(fewer, suspicion, 3.0)).sum() == 12


def test_data_without_items_that_many_hold_is_left_alone() -> None:
    data = Interactions(np.arange(10), np.arange(10), 10, 10)
    assert kept(data, np.arange(10.0), 6.0).all()


def test_items_of_equal_counts_may_change_their_ids() -> None:
    """120 items that 5 users have each, 40 that 6 have: no tenth of them ends where a count does."""
    rng = np.random.default_rng(0)
    counts = np.repeat([5, 6], [120, 40])
    items = np.repeat(np.arange(160), counts)
    users = np.concatenate([rng.choice(100, count, replace=False) for count in counts])
    suspects = np.arange(100) < 60
    lift = target_lift(Interactions(users, items, 100, 160), suspects)
    assert np.isfinite(lift).sum() > 10
    for _ in range(5):
        ids = rng.permutation(160)
        np.testing.assert_allclose(target_lift(Interactions(users, ids[items], 100, 160), suspects)[ids], lift)


def test_data_whose_items_are_all_too_rare_has_no_target() -> None:
    data = Interactions(np.arange(4), np.arange(4), 4, 4)
    assert (target_lift(data, np.ones(4, np.bool_)) == -np.inf).all()
