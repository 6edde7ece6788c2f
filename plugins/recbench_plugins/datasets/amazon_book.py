"""Amazon Book, as in LightGCN."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, OfficialFiles, Source
from recbench_plugins.datasets.lightgcn import CITATION, REPOSITORY, TRAPS, read_lightgcn

OFFICIAL_FILES = {
    "train.txt": "md5:c916ecac04ca72300a016228258b41ed",
    "test.txt": "md5:30f8ccfea18d25007ba9fb9aba4e174d",
}


@dataclass(frozen=True)
class AmazonBook(Dataset):
    """Who reviewed which book of Amazon up to 2014, with the train and test files of NGCF and LightGCN."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="amazon-book",
        title="Amazon Book, as in LightGCN",
        url="https://jmcauley.ucsd.edu/data/amazon/links.html",
        licence="no licence text: offered for research, cite the papers",
        citation=CITATION + ". Reviews: R. He, J. McAuley: Ups and Downs. WWW 2016, 507-517",
        users=52_643,
        items=91_599,
        interactions=2_984_108,
        scale=None,
        redistributable=False,
        traps=("ids are numbered anew from 0; item_list.txt, which names the products, is not read", *TRAPS),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        OfficialFiles(OFFICIAL_FILES, urls={name: f"{REPOSITORY}amazon-book/{name}" for name in OFFICIAL_FILES}),
    )

    def read(self, folder: Path) -> Data:
        return read_lightgcn(folder)
