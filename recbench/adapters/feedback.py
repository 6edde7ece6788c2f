"""Training data in the shapes that others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import scipy.sparse as sp

from recbench.data import Interactions

if TYPE_CHECKING:
    import pandas as pd


def matrix(train: Interactions) -> sp.csr_matrix:
    """Ratings, or ones without them: float32 [n_users, n_items] with sorted indices, made anew."""
    values = train.csr if train.ratings is None else train.ratings_csr
    values.sort_indices()
    return values


def table(train: Interactions) -> pd.DataFrame:
    """One row an interaction: `user_id`, `item_id` and, where the data has them, `rating` and `timestamp`."""
    import pandas as pd

    columns = {"user_id": train.users, "item_id": train.items, "rating": train.ratings, "timestamp": train.timestamps}
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})
