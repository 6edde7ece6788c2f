"""Templates: items that one genuine user has, as many as asked for."""

import numpy as np
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of

from recbench.contracts import AttackerView, ItemStatistics
from recbench_plugins.attackers.gan.templates import drawn_templates


def seen() -> AttackerView:
    train = planted(explicit=True)
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
