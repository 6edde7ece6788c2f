"""Yelp 2018, as in LightGCN."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, OfficialFiles, Source
from recbench_plugins.datasets.lightgcn import CITATION, REPOSITORY, TRAPS, read_lightgcn

OFFICIAL_FILES = {
    "train.txt": "md5:1b8b5d22a227e01d6de002c53d32b4c4",
    "test.txt": "md5:0d57d7399862c32152b045ec5d2698e7",
}


@dataclass(frozen=True)
class Yelp2018(Dataset):
    """Who reviewed which business, in Yelp's challenge of 2018, with LightGCN's train and test files."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="yelp2018",
        title="Yelp 2018, as in LightGCN",
        url="https://www.yelp.com/dataset",
        licence="Yelp: academic use only, no redistribution",
        citation=CITATION,
        users=31_668,
        items=38_048,
        interactions=1_561_406,
        scale=None,
        redistributable=False,
        traps=("the files of the NGCF paper (31,831 users, 40,841 items) are another cut under the same name", *TRAPS),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        OfficialFiles(OFFICIAL_FILES, urls={name: f"{REPOSITORY}yelp2018/{name}" for name in OFFICIAL_FILES}),
    )

    def read(self, folder: Path) -> Data:
        return read_lightgcn(folder)
