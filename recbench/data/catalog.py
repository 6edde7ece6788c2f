"""`Catalog`: what is known about the items besides who interacted with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Catalog:
    """Item titles, genres, descriptions and categories; each is empty or has one entry an item."""

    titles: tuple[str, ...] = ()
    genres: tuple[tuple[str, ...], ...] = ()
    texts: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def select(self, items: NDArray[np.integer]) -> Catalog:
        """The entries of `items`, in that order."""
        chosen = items.tolist()
        return Catalog(
            titles=tuple(self.titles[i] for i in chosen) if self.titles else (),
            genres=tuple(self.genres[i] for i in chosen) if self.genres else (),
            texts=tuple(self.texts[i] for i in chosen) if self.texts else (),
            categories=tuple(self.categories[i] for i in chosen) if self.categories else (),
        )
