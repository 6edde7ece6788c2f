"""Gowalla, as in LightGCN."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench_plugins.datasets.lightgcn import CITATION, REPOSITORY, TRAPS, read_lightgcn

FILES = {
    "train.txt.gz": "71a2faabd7e5eed1c9df325798a213695c293739970a47bed0a983355f6687e3",
    "test.txt": "099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3",
}
OFFICIAL_FILES = {"train.txt": "md5:5eec1eb2edb8dd648377d348b8e136cf", "test.txt": FILES["test.txt"]}


@dataclass(frozen=True)
class Gowalla(Dataset):
    """Who checked in where, 2009-2010, with the train and test files of NGCF and LightGCN."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="gowalla",
        title="Gowalla, as in LightGCN",
        url="https://snap.stanford.edu/data/loc-gowalla.html",
        licence="no licence text: cite the papers",
        citation=CITATION
        + ". Check-ins: E. Cho, S. A. Myers, J. Leskovec: Friendship and Mobility. KDD 2011, 1082-1090",
        users=29_858,
        items=40_981,
        interactions=1_027_370,
        scale=None,
        redistributable=False,
        traps=(
            "the raw check-ins (6,442,892) are another data set: repeated visits, all users and places, and timestamps",
            *TRAPS,
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES, folder="gowalla-lightgcn"),
        OfficialFiles(OFFICIAL_FILES, urls={name: f"{REPOSITORY}gowalla/{name}" for name in OFFICIAL_FILES}),
    )

    def read(self, folder: Path) -> Data:
        return read_lightgcn(folder)
