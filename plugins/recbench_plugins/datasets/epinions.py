"""Epinions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from scipy.io import loadmat

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, Source
from recbench.contracts.threat import RatingScale
from recbench.data.readers.assemble import assemble

FILES = {"epinion.mat": "6d57288383ac6f081ec7797c33a5c72e6fb4f65668139f489df4cd784106e9df"}


@dataclass(frozen=True)
class Epinions(Dataset):
    """Ratings of products of every kind on a review site, whose users trust each other; crawled in 2011.

    The publisher's own file has timestamps, another layout and no checksum, so only a mirror carries this one.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="epinions",
        title="Epinions, crawled by Tang et al.",
        url="https://www.cse.msu.edu/~tangjili/datasetcode/truststudy.htm",
        licence="no licence text: offered for research, cite the papers",
        citation=(
            "J. Tang, H. Gao, H. Liu, A. Das Sarma: eTrust: Understanding Trust Evolution in an Online World. "
            "KDD 2012, 253-261. doi:10.1145/2339530.2339574"
        ),
        users=22_164,
        items=296_277,
        interactions=912_441,
        scale=RatingScale(1, 5, 1),
        redistributable=False,
        traps=(
            "922,267 rows are published; 9,826 repeat a (user, item) pair, some with another rating, and the last one "
            "of the file counts here",
            "no timestamps; the rows come in five random folds, whose order means nothing",
            "22,166 users are published; two of their ids rate nothing",
            "two thirds of the items have one rating: cut to a core before anything is trained",
            "another Epinions (Massa and Avesani: 40,163 users, 139,738 items, 664,824 ratings) has the same name",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (Mirror(FILES),)

    def read(self, folder: Path) -> Data:
        path = folder / "epinion.mat"
        rows = np.concatenate([fold.astype(np.int64) for fold in loadmat(path)["rating"][0]])
        table = pa.table(dict(zip(("user", "item", "rating"), map(pa.array, rows.T), strict=True)))
        return assemble(table, path, None, duplicates="last")
