"""CiaoDVD."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench.contracts.threat import RatingScale
from recbench.data import Catalog
from recbench.data.archive import extract
from recbench.data.readers.assemble import assemble
from recbench.data.readers.items import ItemTable

FILES = {
    "train.csv": "afe9fe0d683474fec0519a172834ed925c0dc1eac77be2a509d3f41910a007dc",
    "test.csv": "17cb268550671e5050a06c9f4374e0c5dc1def3498273e7de50801c45fa2f088",
}
ARCHIVE = {"CiaoDVD.zip": "md5:43a39e068e3fc494a7f7f7581293e2c2"}
COLUMNS = ["user", "item", "category", "review", "rating", "date"]


@dataclass(frozen=True)
class CiaoDVD(Dataset):
    """Ratings in reviews of DVDs on a British site, 2000-2013; very sparse."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ciaodvd",
        title="CiaoDVD",
        url="https://guoguibing.github.io/librec/datasets.html",
        licence="no licence text: offered for research, cite the paper",
        citation=(
            "G. Guo, J. Zhang, D. Thalmann, N. Yorke-Smith: ETAF: An Extended Trust Antecedents Framework for Trust "
            "Prediction. ASONAM 2014, 540-547"
        ),
        users=17_615,
        items=16_121,
        interactions=72_345,
        scale=RatingScale(1, 5, 1),
        redistributable=False,
        traps=(
            "72,665 rows are published; 320 rate a DVD again, and the latest counts here, the higher of one day",
            "timestamps are days: the order within a day is undefined",
            "the mirror's copy numbers users and items anew from 0, so its splits are others than the archive's: "
            "compare figures of one carrier only",
            "the split into train.csv and test.csv is one paper's, and is undone here",
            "57% of the users have one rating: cut to a core before anything is trained",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES),
        OfficialFiles(ARCHIVE, urls={"CiaoDVD.zip": "https://guoguibing.github.io/librec/datasets/CiaoDVD.zip"}),
    )

    def read(self, folder: Path) -> Data:
        if (archive := folder / "CiaoDVD.zip").is_file():
            with tempfile.TemporaryDirectory() as unpacked:
                (path,) = extract(archive, Path(unpacked), names={"movie-ratings.txt"})
                return _assembled(pd.read_csv(path, names=COLUMNS, dtype=str), archive)
        parts = [pd.read_csv(folder / name, names=COLUMNS, header=0, dtype=str) for name in FILES]
        return _assembled(pd.concat(parts), folder)


def _assembled(rows: pd.DataFrame, origin: Path) -> Data:
    rows = rows.sort_values(["date", "rating", "user", "item"])
    films = rows.drop_duplicates("item")
    items = ItemTable(tuple(films["item"]), Catalog(categories=tuple(films["category"])))
    names = {"user": "user", "item": "item", "rating": "rating", "timestamp": "date"}
    table = pa.table({role: pa.array(rows[name], pa.string()) for role, name in names.items()})
    return assemble(table, origin, items, duplicates="last")
