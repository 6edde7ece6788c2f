"""Amazon Sports and Outdoors 2014, as in S3-Rec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench_plugins.datasets.s3rec import CITATION, LICENCE, PAGE, REPOSITORY, TRAPS, read_s3rec

FILES = {
    "Sports_and_Outdoors.txt": "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
    "Sports_and_Outdoors_item2attributes.json": "7fb10733ac4f1811384a52144cdefa7fcc7536fa80a7232c5da9bd789155c34b",
}


@dataclass(frozen=True)
class AmazonSports(Dataset):
    """Who reviewed which article of sports of Amazon, oldest first, 1996-2014: the 5-core as S3-Rec published it."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="amazon-sports",
        title="Amazon Sports and Outdoors 2014, as in S3-Rec",
        url=PAGE,
        licence=LICENCE,
        citation=CITATION,
        users=35_598,
        items=18_357,
        interactions=296_337,
        scale=None,
        redistributable=False,
        traps=TRAPS,
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES, folder="amazon-s3rec"),
        OfficialFiles(FILES, urls={name: REPOSITORY + name for name in FILES}),
    )

    def read(self, folder: Path) -> Data:
        return read_s3rec(folder, "Sports_and_Outdoors")
