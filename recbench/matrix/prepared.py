"""`Prepared`: one split of one data set, as it lies in the store between the stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Feedback, RatingScale
from recbench.data.catalog import Catalog
from recbench.data.interactions import Histories, Interactions
from recbench.data.splits import Split
from recbench.store import Artifact

PARTS = ("train", "validation", "test")
COLUMNS = ("users", "items", "ratings", "timestamps")


@dataclass(frozen=True, eq=False)
class Prepared:
    """What every later stage starts from.

    Args:
        split: train, validation and test over the same users and items; genuine users only.
        targets: int32 [groups, count], disjoint groups of target items.
        catalog: what is known of the items.
        scale: the rating grid, or None on the implicit track.
        digest: of the artifact that this was read from; empty before it was stored.
    """

    split: Split
    targets: NDArray[np.int32]
    catalog: Catalog
    scale: RatingScale | None
    digest: str = ""

    @property
    def train(self) -> Interactions:
        return self.split.train

    @property
    def feedback(self) -> Feedback:
        return "implicit" if self.scale is None else "explicit"

    @cached_property
    def consumed(self) -> Histories:
        """Every genuine user's training and validation items: what is never recommended."""
        return _histories(self.split.train, self.split.validation)

    def eligible(self, items: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether each genuine user could meet each of these distinct items anew, [n_users, t]: has it in no part."""
        column = np.full(self.train.n_items, -1)
        column[items] = np.arange(len(items))
        anew = np.ones((self.train.n_users, len(items)), dtype=np.bool_)
        for part in (getattr(self.split, name) for name in PARTS):
            held = np.flatnonzero(column[part.items] >= 0)
            anew[part.users[held], column[part.items[held]]] = False
        return anew

    def artifact(self) -> Artifact:
        """For the store. The catalogue travels as bytes: texts of a large one have no place in the metadata."""
        arrays: dict[str, NDArray[Any]] = {"targets": self.targets}
        for part in PARTS:
            for column in COLUMNS:
                array = getattr(getattr(self.split, part), column)
                if array is not None:
                    arrays[f"{part}_{column}"] = array
        arrays["catalog"] = np.frombuffer(json.dumps(asdict(self.catalog), ensure_ascii=False).encode(), dtype=np.uint8)
        scale = None if self.scale is None else [float(value) for value in asdict(self.scale).values()]
        return Artifact(arrays, {"n_users": self.train.n_users, "n_items": self.train.n_items, "scale": scale})

    @classmethod
    def of(cls, artifact: Artifact) -> Prepared:
        """From the store."""
        parts = [_interactions(artifact.arrays, part, artifact.meta) for part in PARTS]
        catalog = json.loads(artifact.arrays["catalog"].tobytes())
        scale: Any = artifact.meta["scale"]
        return cls(
            split=Split(*parts),
            targets=artifact.arrays["targets"],
            catalog=Catalog(
                titles=tuple(catalog["titles"]),
                genres=tuple(map(tuple, catalog["genres"])),
                texts=tuple(catalog["texts"]),
                categories=tuple(catalog["categories"]),
            ),
            scale=None if scale is None else RatingScale(*scale),
            digest=artifact.digest,
        )


def _interactions(arrays: Mapping[str, NDArray[Any]], part: str, meta: Mapping[str, Any]) -> Interactions:
    columns = {column: arrays.get(f"{part}_{column}") for column in COLUMNS}
    # Sorted and checked before they were stored.
    return Interactions(**columns, n_users=meta["n_users"], n_items=meta["n_items"], _trusted=True)  # type: ignore[arg-type]


def _histories(*parts: Interactions) -> Histories:
    users = np.concatenate([part.users for part in parts])
    items = np.concatenate([part.items for part in parts])
    order = np.argsort(users, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=parts[0].n_users))])
    return Histories(indptr, items[order])
