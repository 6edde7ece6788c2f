"""How varied the profiles of a trained generator are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recbench.contracts import Profiles


@dataclass(frozen=True)
class Coverage:
    """Shares between 0 and 1: of the catalogue that is in some profile, and of profiles that no earlier one equals."""

    items: float
    distinct: float

    @classmethod
    def of(cls, profiles: Profiles, n_items: int) -> Coverage:
        """The coverage of at least one profile; the order of the items in a profile counts for nothing."""
        rows = profiles.histories.rows
        sets = np.split(profiles.items[np.lexsort((profiles.items, rows))], profiles.indptr[1:-1])
        different = len({items.tobytes() for items in sets})
        return cls(len(np.unique(profiles.items)) / n_items, different / len(profiles))
