"""`Data`: a data set as it was read, with the raw ids that only the harness sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.data.catalog import Catalog
from recbench.data.interactions import Interactions
from recbench.data.splits import Split
from recbench.errors import DataError


@dataclass(frozen=True, eq=False)
class Data:
    """Interactions, what is known of the items, and the ids that users and items have in the raw files.

    Args:
        interactions: over users 0 .. n_users - 1 and items 0 .. n_items - 1.
        catalog: aligned with the items, or empty.
        user_ids: raw ids [n_users], integers where all of them are integers, else strings; ascending.
        item_ids: raw ids [n_items], likewise.
        published: the split that its publisher made, where there is one; validation may be empty.

    Raises:
        DataError: ids or catalogue entries that are not one a user or one an item, a split of other data.
    """

    interactions: Interactions
    catalog: Catalog
    user_ids: NDArray[Any]
    item_ids: NDArray[Any]
    published: Split | None = None

    def __post_init__(self) -> None:
        n_users, n_items = self.interactions.n_users, self.interactions.n_items
        if len(self.user_ids) != n_users or len(self.item_ids) != n_items:
            ids = f"{len(self.user_ids)} user ids and {len(self.item_ids)} item ids"
            raise DataError(f"{ids} for {n_users} users and {n_items} items")
        for name in ("titles", "genres", "texts", "categories"):
            if len(getattr(self.catalog, name)) not in (0, n_items):
                raise DataError(f"the catalogue has {len(getattr(self.catalog, name))} {name} for {n_items} items")
        if self.published is not None:
            whole = self.published.train
            if (whole.n_users, whole.n_items) != (n_users, n_items):
                raise DataError(
                    f"a split of {whole.n_users} users and {whole.n_items} items for {n_users} and {n_items}"
                )
        for name in ("user_ids", "item_ids"):
            view = np.asarray(getattr(self, name)).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @property
    def provides(self) -> frozenset[str]:
        """What it holds besides who interacted with what, in the words in which a component declares it."""
        present = {
            "ratings": self.interactions.ratings is not None,
            "timestamps": self.interactions.timestamps is not None,
            "titles": bool(self.catalog.titles),
            "genres": bool(self.catalog.genres),
            "texts": bool(self.catalog.texts),
            "categories": bool(self.catalog.categories),
            "split": self.published is not None,
        }
        return frozenset(word for word, there in present.items() if there)
