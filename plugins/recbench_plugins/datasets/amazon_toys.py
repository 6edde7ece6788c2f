"""Amazon Toys and Games 2014, as in S3-Rec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench_plugins.datasets.s3rec import CITATION, LICENCE, PAGE, REPOSITORY, TRAPS, read_s3rec

FILES = {
    "Toys_and_Games.txt": "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
    "Toys_and_Games_item2attributes.json": "d371acd25101eedac04afc727626464b7acec770c4eda708705d51eb76eb1ad0",
}


@dataclass(frozen=True)
class AmazonToys(Dataset):
    """Who reviewed which toy of Amazon, oldest first, 1996-2014: the 5-core as S3-Rec published it."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="amazon-toys",
        title="Amazon Toys and Games 2014, as in S3-Rec",
        url=PAGE,
        licence=LICENCE,
        citation=CITATION,
        users=19_412,
        items=11_924,
        interactions=167_597,
        scale=None,
        redistributable=False,
        traps=TRAPS,
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES, folder="amazon-s3rec"),
        OfficialFiles(FILES, urls={name: REPOSITORY + name for name in FILES}),
    )

    def read(self, folder: Path) -> Data:
        return read_s3rec(folder, "Toys_and_Games")
