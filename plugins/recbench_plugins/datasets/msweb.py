"""Anonymous Microsoft Web Data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, Source
from recbench.data import Catalog
from recbench.data.readers.assemble import assemble
from recbench.data.readers.items import ItemTable

FILES = {
    "visits.csv.gz": "f35c7f886741c0e25bd05e5456311e6d9f37c8c92736e6b772a43386b89e060f",
    "vroots.csv": "b0179000c14ff1e78869c0542c0289330eaf60e778f78145b59b0c280e6c2d9b",
}


@dataclass(frozen=True)
class MSWeb(Dataset):
    """Who visited which area of a web site within a week of 1998, with the areas' titles: the training file.

    recommenderlab keeps it in a file of R, from which the mirror's was made; only a mirror carries it.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="msweb",
        title="Anonymous Microsoft Web Data",
        url="https://archive.ics.uci.edu/dataset/4/anonymous+microsoft+web+data",
        licence="CC BY 4.0",
        citation=(
            "J. Breese, D. Heckerman, C. Kadie: Anonymous Microsoft Web Data. UCI Machine Learning Repository, 1998. "
            "doi:10.24432/C5VS3Q"
        ),
        users=32_710,
        items=285,
        interactions=98_653,
        scale=None,
        redistributable=True,
        traps=(
            "no ratings and no timestamps; the areas of a visitor are in no documented order",
            "a visitor has three areas on average, and a third of them one: a fake profile of more stands out",
            "UCI's training file has 32,711 visitors, one more than recommenderlab's; UCI's test file is left out",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (Mirror(FILES),)

    def read(self, folder: Path) -> Data:
        path = folder / "visits.csv.gz"
        visits, areas = pd.read_csv(path, dtype=str), pd.read_csv(folder / "vroots.csv", dtype=str)
        table = pa.table(
            {"user": pa.array(visits["user"], pa.string()), "item": pa.array(visits["vroot"], pa.string())}
        )
        items = ItemTable(tuple(areas["vroot"]), Catalog(titles=tuple(areas["title"])))
        return assemble(table, path, items, duplicates="error")
