"""Amazon Beauty 2014, as in S3-Rec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench_plugins.datasets.s3rec import CITATION, LICENCE, PAGE, REPOSITORY, TRAPS, read_s3rec

FILES = {
    "Beauty.txt": "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
    "Beauty_item2attributes.json": "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
}


@dataclass(frozen=True)
class AmazonBeauty(Dataset):
    """Who reviewed which beauty product of Amazon, oldest first, 1996-2014: the 5-core as S3-Rec published it."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="amazon-beauty",
        title="Amazon Beauty 2014, as in S3-Rec",
        url=PAGE,
        licence=LICENCE,
        citation=CITATION,
        users=22_363,
        items=12_101,
        interactions=198_502,
        scale=None,
        redistributable=False,
        traps=TRAPS,
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES, folder="amazon-s3rec"),
        OfficialFiles(FILES, urls={name: REPOSITORY + name for name in FILES}),
    )

    def read(self, folder: Path) -> Data:
        return read_s3rec(folder, "Beauty")
