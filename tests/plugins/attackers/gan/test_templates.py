"""Templates: items that one genuine user has, as many as asked for."""

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, SCALE, TARGET, budget, planted, view_of

from recbench.contracts import AttackerView, Budget, ItemStatistics, project
from recbench.data import Interactions
from recbench_plugins.attackers.gan.networks import BLOCK
from recbench_plugins.attackers.gan.templates import drawn_templates


def seen(*, last_first: bool = False) -> AttackerView:
    """A view of planted data; each user's clicks in the order of items, or in the opposite one."""
    train = planted(explicit=True)
    if last_first:
        assert train.ratings is not None
        order = np.lexsort((-train.items, train.users))
        train = Interactions(train.users[order], train.items[order], train.n_users, train.n_items, train.ratings[order])
    return view_of(train, {"interactions"}, budget(explicit=True), statistics=ItemStatistics.of(train))


def test_a_template_holds_items_of_its_user_as_the_user_rated_them() -> None:
    view = seen()
    sizes = np.array([0, 1, 4, 7])
    found = drawn_templates(view, sizes, np.array([TARGET, 3]), 5)
    held = found.held.numpy()
    assert held.sum(1).tolist() == sizes.tolist()
    assert not held[:, [TARGET, 3]].any()
    theirs = view.observed.ratings_csr[found.users].toarray()
    np.testing.assert_array_equal(found.ratings.numpy(), np.where(held, theirs, 0))
    assert (theirs[held] > 0).all()


def test_where_nobody_has_enough_the_longest_are_topped_up_at_the_items_mean() -> None:
    view = seen()
    found = drawn_templates(view, np.array([20, N_ITEMS + 5]), np.array([TARGET]), 5)
    assert found.held.sum(1).tolist() == [20, N_ITEMS - 1]
    means = view.statistics.means
    assert means is not None
    theirs = view.observed.ratings_csr[found.users].toarray()
    added = found.held.numpy() & (theirs == 0)
    np.testing.assert_allclose(found.ratings.numpy()[added], np.broadcast_to(means, added.shape)[added], rtol=1e-6)


@pytest.mark.parametrize("sizes", [[4, 0, 7], [4, 0, N_ITEMS + 5, 7, 20]], ids=["enough", "topped up"])
@pytest.mark.parametrize("last_first", [False, True])
def test_entries_are_in_the_order_of_the_rows_that_they_make(sizes: list[int], last_first: bool) -> None:
    found = drawn_templates(seen(last_first=last_first), np.array(sizes), np.array([TARGET, 3]), 5)
    rows, items = found.held.nonzero(as_tuple=True)
    assert torch.equal(found.rows, rows)
    assert torch.equal(found.items, items)
    assert torch.equal(found.ratings[rows, items], found.values)


def test_blocks_hold_every_template_once() -> None:
    count = 2 * BLOCK + 5
    found = drawn_templates(seen(), np.arange(count) % 9, np.array([TARGET]), 5)
    blocks = list(found.blocks())
    assert [len(block.users) for block in blocks] == [BLOCK, BLOCK, 5]
    assert np.concatenate([block.users for block in blocks]).tolist() == found.users.tolist()
    assert torch.equal(torch.cat([block.ratings for block in blocks]), found.ratings)
    assert len(list(drawn_templates(seen(), np.full(BLOCK, 2), np.array([TARGET]), 5).blocks())) == 1


def test_profiles_hold_the_templates_items_and_those_that_all_share() -> None:
    sizes = np.array([2, 0, 5])
    found = drawn_templates(seen(), sizes, np.array([TARGET, 3]), 5)
    shared = torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    relaxed = found.profiles(found.values, torch.tensor([3, TARGET]), shared, weight=2.0)
    dense = found.ratings.index_copy(1, torch.tensor([3, TARGET]), shared)
    assert torch.equal(relaxed.matrix(), found.held.float().index_fill(1, torch.tensor([3, TARGET]), 2.0))
    profiles = project(relaxed, Budget(sizes + 2, N_ITEMS, SCALE), 0)
    assert profiles.histories.lengths.tolist() == (sizes + 2).tolist()
    rows = np.repeat(np.arange(3), profiles.histories.lengths)
    np.testing.assert_array_equal(profiles.ratings, SCALE.round(dense.numpy())[rows, profiles.items])
