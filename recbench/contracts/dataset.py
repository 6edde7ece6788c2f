"""`Dataset`: a published data set, where it comes from, and what it must turn out to be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.threat import RatingScale
from recbench.data.dataset import Data
from recbench.data.fetch import fetch
from recbench.data.sources import UNPUBLISHED, Mirror, OfficialArchive, OfficialFiles, RegistryWheel, Source
from recbench.errors import DataError

__all__ = [
    "UNPUBLISHED",
    "Data",
    "DataError",
    "Dataset",
    "DatasetInfo",
    "Mirror",
    "OfficialArchive",
    "OfficialFiles",
    "RegistryWheel",
    "Source",
    "hold_to_counts",
]


@dataclass(frozen=True)
class DatasetInfo:
    """What is published about a data set.

    Args:
        name: the component's name; names the folders in mirror and cache.
        title: as its publisher calls it.
        url: the publisher's page.
        licence: what its terms say of use and of passing it on.
        citation: authors, title, venue and year to cite.
        users, items, interactions: as `load` must return them; None where nobody has published that number.
        scale: the rating grid, or None for implicit feedback.
        redistributable: whether profiles that copy genuine rows may be published.
        traps: what careless readers get wrong.
    """

    name: str
    title: str
    url: str
    licence: str
    citation: str
    users: int | None
    items: int | None
    interactions: int | None
    scale: RatingScale | None
    redistributable: bool
    traps: tuple[str, ...] = ()


class Dataset(ABC):
    """A data set that recbench can fetch by itself."""

    info: ClassVar[DatasetInfo]
    sources: ClassVar[tuple[Source, ...]]
    """In the order in which they are tried."""

    @abstractmethod
    def read(self, folder: Path) -> Data:
        """Read the raw files of whichever source they came from; their checksums have been verified.

        Where what `load` returns is not published, it holds the raw files to what is, with `hold_to_counts`.
        """

    def load(self, folder: Path | None = None) -> Data:
        """The data set, from raw files in `folder`; by default they are fetched, or found in the cache.

        Raises:
            DataError: no source gave the files, or they do not hold what is published.
        """
        data = self.read(fetch(self.info.name, self.sources) if folder is None else folder)
        kept = data.interactions
        found = {"users": kept.n_users, "items": kept.n_items, "interactions": len(kept)}
        published = {"users": self.info.users, "items": self.info.items, "interactions": self.info.interactions}
        hold_to_counts(self.info.name, found, published)
        ratings = data.interactions.ratings
        if self.info.scale is not None and (ratings is None or not self.info.scale.holds(ratings).all()):
            raise DataError(f"{self.info.name}: ratings are missing or off the published scale {self.info.scale}")
        return data


def hold_to_counts(dataset: str, found: Mapping[str, int], published: Mapping[str, int | None]) -> None:
    """Check what has been counted in a data set against what is published, leaving out what is not (None).

    Raises:
        DataError: another number.
    """
    known = {word: count for word, count in published.items() if count is not None}
    if any(found[word] != count for word, count in known.items()):
        here = ", ".join(f"{found[word]:,} {word}" for word in known)
        there = ", ".join(f"{count:,}" for count in known.values())
        raise DataError(f"{dataset}: {here}; published are {there}: the raw files are another version")
