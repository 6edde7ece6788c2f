"""Jester 5k."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, Source
from recbench.contracts.threat import RatingScale
from recbench.data import Catalog
from recbench.data.readers.assemble import assemble
from recbench.data.readers.items import ItemTable

FILES = {
    "ratings.csv.gz": "58d4249cb16635574935424e0c14cd9446c65e383175c8e0a33b3752a7a46dbd",
    "jokes.csv": "7e38ad7860e22941ac16259f4181c0d5e9f46c38535a49c53db580c5ac8afa6b",
}


@dataclass(frozen=True)
class Jester(Dataset):
    """Ratings of 100 jokes with their texts, 1999-2003: the sample of 5,000 users that recommenderlab ships.

    recommenderlab keeps it in a file of R, from which the mirror's was made; only a mirror carries it.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="jester",
        title="Jester 5k",
        url="https://eigentaste.berkeley.edu/dataset/",
        licence="research use when acknowledged; recommenderlab ships it under GPL-2",
        citation=(
            "K. Goldberg, T. Roeder, D. Gupta, C. Perkins: Eigentaste: A Constant Time Collaborative Filtering "
            "Algorithm. Information Retrieval 4, 2001, 133-151. doi:10.1023/A:1011419012209"
        ),
        users=5000,
        items=100,
        interactions=363_209,
        scale=RatingScale(-10, 10, 0.01),
        redistributable=True,
        traps=(
            "ratings are a slider from -10 to 10 in hundredths, and a dislike is a number, not an absence: on the "
            "implicit track set positive_from, or a joke that was hated counts as one that was liked",
            "the original codes a missing rating as 99; here it is absent",
            "73% of the cells are filled, and every user has rated at least 36 of the 100 jokes",
            "no timestamps; ids are u… and j…, in no documented order",
            "recommenderlab before 1.0.6 counts 362,106 ratings of the same users; 1,025 ratings are exactly 0",
            "some of the jokes are offensive",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (Mirror(FILES, folder="jester5k"),)

    def read(self, folder: Path) -> Data:
        path = folder / "ratings.csv.gz"
        rows, jokes = pd.read_csv(path, dtype=str), pd.read_csv(folder / "jokes.csv", dtype=str)
        names = {"user": "user", "item": "joke", "rating": "rating"}
        table = pa.table({role: pa.array(rows[name], pa.string()) for role, name in names.items()})
        items = ItemTable(tuple(jokes["joke"]), Catalog(texts=tuple(jokes["text"])))
        return assemble(table, path, items, duplicates="error")
