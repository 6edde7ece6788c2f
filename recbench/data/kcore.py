"""The k-core: only users and items with enough interactions among themselves."""

from __future__ import annotations

import numpy as np

from recbench.data.dataset import Data
from recbench.data.interactions import Interactions
from recbench.errors import DataError


def k_core(data: Data, per_user: int, per_item: int) -> Data:
    """The largest part of `data` in which every user has `per_user` and every item `per_item` interactions.

    Users and items are renumbered without gaps, in their old order. Peeling layer by layer reaches the
    same fixed point as peeling one by one, because what may go never depends on what went before.
    Seidman, "Network structure and minimum degree", Social Networks 1983.

    Args:
        data: what was read.
        per_user: the least number of interactions of a user; 0 or 1 drops only users without any.
        per_item: likewise for an item.

    Raises:
        DataError: nothing is left.
    """
    whole = data.interactions
    per_user, per_item = max(per_user, 1), max(per_item, 1)
    kept = np.arange(len(whole))
    while True:
        users, items = whole.users[kept], whole.items[kept]
        enough_users = np.bincount(users, minlength=whole.n_users) >= per_user
        enough_items = np.bincount(items, minlength=whole.n_items) >= per_item
        stays = enough_users[users] & enough_items[items]
        if stays.all():
            break
        kept = kept[stays]
    if len(kept) == 0:
        raise DataError(
            f"the core with {per_user} interactions a user and {per_item} an item is empty; ask for fewer "
            f"({len(whole):,} interactions of {whole.n_users:,} users with {whole.n_items:,} items)"
        )
    new_user, new_item = np.cumsum(enough_users) - 1, np.cumsum(enough_items) - 1
    interactions = Interactions(
        users=new_user[users].astype(np.int32),
        items=new_item[items].astype(np.int32),
        n_users=int(enough_users.sum()),
        n_items=int(enough_items.sum()),
        ratings=None if whole.ratings is None else whole.ratings[kept],
        timestamps=None if whole.timestamps is None else whole.timestamps[kept],
        _trusted=True,  # renumbering in order keeps the rows sorted
    )
    catalog = data.catalog.select(np.flatnonzero(enough_items))
    return Data(interactions, catalog, data.user_ids[enough_users], data.item_ids[enough_items])
