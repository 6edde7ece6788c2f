"""Amazon Musical Instruments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, Source
from recbench.contracts.threat import RatingScale
from recbench.data.readers import read_interactions

FILES = {"reviews_Musical_Instruments_5.json.gz": "1287edfcbe5bf00163d37affc5ff3f694c576d039e1bddf49234a5254f077cfc"}


@dataclass(frozen=True)
class AmazonMusicalInstruments(Dataset):
    """Ratings in reviews of musical instruments, 2004-2014: the smallest 5-core of Amazon's 2014 crawl.

    The publisher gives no checksum and its file is packed otherwise than the mirror's, so only a mirror carries it.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="amazon-musical-instruments",
        title="Amazon Musical Instruments 5-core, 2014",
        url="https://jmcauley.ucsd.edu/data/amazon/links.html",
        licence="no licence text: offered for research, cite the papers",
        citation=(
            "R. He, J. McAuley: Ups and Downs: Modeling the Visual Evolution of Fashion Trends with One-Class "
            "Collaborative Filtering. WWW 2016, 507-517. doi:10.1145/2872427.2883037"
        ),
        users=1429,
        items=900,
        interactions=10_261,
        scale=RatingScale(1, 5, 1),
        redistributable=False,
        traps=(
            "a profile of mean length has seven items: five targets leave hardly a filler, so use one",
            "88% of the ratings are 4 or 5: a threshold of a positive takes little away, and an average tells little",
            "timestamps are days: the order within a day is undefined",
            "the crawls of 2018 and 2023 hold other users, items and figures under the same name",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (Mirror(FILES, folder="amazon-musical-instruments-5"),)

    def read(self, folder: Path) -> Data:
        return read_interactions(folder / "reviews_Musical_Instruments_5.json.gz")
