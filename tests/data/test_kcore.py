from dataclasses import replace
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbench.data.catalog import Catalog
from recbench.data.dataset import Data
from recbench.data.interactions import Interactions
from recbench.data.kcore import k_core
from recbench.data.readers import read_interactions
from recbench.errors import DataError


@st.composite
def data_sets(draw: st.DrawFn) -> Data:
    cells = draw(hnp.arrays(bool, st.tuples(st.integers(2, 10), st.integers(2, 10)), elements=st.booleans()))
    users, items = np.nonzero(cells)
    ratings = (users * 10 + items).astype(np.float32)
    n_users, n_items = cells.shape
    catalog = Catalog(titles=tuple(f"title {100 + i}" for i in range(n_items)))
    return Data(
        Interactions(users, items, n_users, n_items, ratings=ratings),
        catalog,
        user_ids=np.arange(n_users) + 500,
        item_ids=np.arange(n_items) + 100,
    )


def raw_pairs(data: Data) -> set[tuple[int, int]]:
    users, items = data.user_ids[data.interactions.users], data.item_ids[data.interactions.items]
    return set(zip(users.tolist(), items.tolist(), strict=True))


def peel_one_by_one(pairs: set[tuple[int, int]], per_user: int, per_item: int) -> set[tuple[int, int]]:
    """The definition, taken literally."""
    while True:
        for position, least in ((0, per_user), (1, per_item)):
            ids = [pair[position] for pair in pairs]
            if weak := next((raw for raw in ids if ids.count(raw) < least), None):
                pairs = {pair for pair in pairs if pair[position] != weak}
                break
        else:
            return pairs


@given(data_sets(), st.integers(0, 4), st.integers(0, 4))
def test_the_core_is_what_peeling_one_by_one_leaves(data: Data, per_user: int, per_item: int) -> None:
    expected = peel_one_by_one(raw_pairs(data), per_user, per_item)
    if not expected:
        with pytest.raises(DataError, match="is empty"):
            k_core(data, per_user, per_item)
        return
    core = k_core(data, per_user, per_item)
    assert raw_pairs(core) == expected
    assert core.interactions.user_counts.min() >= max(per_user, 1)
    assert core.interactions.item_counts.min() >= max(per_item, 1)
    # Ratings and titles still belong to their pairs and items.
    users, items = core.user_ids[core.interactions.users] - 500, core.item_ids[core.interactions.items] - 100
    np.testing.assert_array_equal(core.interactions.ratings, users * 10 + items)
    assert core.catalog.titles == tuple(f"title {raw}" for raw in core.item_ids)


@given(data_sets(), st.integers(1, 3))
def test_the_core_of_a_core_is_itself(data: Data, k: int) -> None:
    try:
        core = k_core(data, k, k)
    except DataError:
        return
    assert k_core(core, k, k).interactions.digest == core.interactions.digest


def test_the_core_of_filmtrust_equals_that_of_the_bipartite_graph(mirror: Path) -> None:
    data = read_interactions(mirror / "filmtrust" / "ratings.txt", duplicates="last")
    edges = [(("user", user), ("item", item)) for user, item in raw_pairs(data)]
    graph = networkx.k_core(networkx.Graph(edges), 5)
    core = k_core(data, 5, 5)
    assert len(core.interactions) == graph.number_of_edges()
    assert core.interactions.n_users + core.interactions.n_items == graph.number_of_nodes()
    assert {raw for kind, raw in graph if kind == "item"} == set(core.item_ids.tolist())


def test_rows_stay_sorted_by_user_and_time(mirror: Path) -> None:
    core = k_core(read_interactions(mirror / "ml-100k"), 50, 50).interactions
    again = Interactions(core.users, core.items, core.n_users, core.n_items, core.ratings, core.timestamps)
    assert again.digest == core.digest


def test_ids_must_be_one_a_user_and_one_an_item() -> None:
    interactions = Interactions(np.array([0, 1]), np.array([0, 0]), 2, 1)
    data = Data(interactions, Catalog(), np.array([5, 6]), np.array([7]))
    with pytest.raises(DataError, match="3 user ids and 1 item ids for 2 users and 1 items"):
        replace(data, user_ids=np.array([1, 2, 3]))
    with pytest.raises(DataError, match="2 titles for 1 items"):
        replace(data, catalog=Catalog(titles=("a", "b")))
    with pytest.raises(ValueError, match="read-only"):
        data.user_ids[0] = 1
