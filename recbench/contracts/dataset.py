"""`Dataset`: a published data set, where it comes from, and what it must turn out to be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.threat import RatingScale
from recbench.data.dataset import Data
from recbench.data.fetch import fetch
from recbench.data.sources import Mirror, OfficialArchive, OfficialFiles, RegistryWheel, Source
from recbench.errors import DataError

__all__ = ["Data", "Dataset", "DatasetInfo", "Mirror", "OfficialArchive", "OfficialFiles", "RegistryWheel", "Source"]


@dataclass(frozen=True)
class DatasetInfo:
    """What is published about a data set.

    Args:
        name: the component's name; names the folders in mirror and cache.
        title: as its publisher calls it.
        url: the publisher's page.
        licence: what its terms say of use and of passing it on.
        citation: authors, title, venue and year to cite.
        users, items, interactions: as `load` must return them.
        scale: the rating grid, or None for implicit feedback.
        redistributable: whether profiles that copy genuine rows may be published.
        traps: what careless readers get wrong.
    """

    name: str
    title: str
    url: str
    licence: str
    citation: str
    users: int
    items: int
    interactions: int
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
        """Read the raw files of whichever source they came from; their checksums have been verified."""

    def load(self, folder: Path | None = None) -> Data:
        """The data set, from raw files in `folder`; by default they are fetched, or found in the cache.

        Raises:
            DataError: no source gave the files, or they do not hold what is published.
        """
        data = self.read(fetch(self.info.name, self.sources) if folder is None else folder)
        found = (data.interactions.n_users, data.interactions.n_items, len(data.interactions))
        published = (self.info.users, self.info.items, self.info.interactions)
        if found != published:
            raise DataError(
                f"{self.info.name}: {found[0]:,} users, {found[1]:,} items, {found[2]:,} interactions; published are "
                f"{published[0]:,}, {published[1]:,}, {published[2]:,}: the raw files are another version"
            )
        ratings = data.interactions.ratings
        if self.info.scale is not None and (ratings is None or not self.info.scale.holds(ratings).all()):
            raise DataError(f"{self.info.name}: ratings are missing or off the published scale {self.info.scale}")
        return data
