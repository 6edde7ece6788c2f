"""FilmTrust."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialArchive, Source
from recbench.contracts.threat import RatingScale
from recbench.data.readers import read_interactions

FILES = {"ratings.txt": "241167424e24d588e8871d68641e94ead98d5b3a4f0db01ef3181a74ad35e7a1"}


@dataclass(frozen=True)
class FilmTrust(Dataset):
    """Ratings of films from a small social network, crawled in 2011; sparse, and cheap to run."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="filmtrust",
        title="FilmTrust",
        url="https://guoguibing.github.io/librec/datasets.html",
        licence="no licence text: offered for research, cite the paper",
        citation=(
            "G. Guo, J. Zhang, N. Yorke-Smith: A Novel Bayesian Similarity Measure for Recommender Systems. "
            "IJCAI 2013, 2619-2625"
        ),
        users=1508,
        items=2071,
        interactions=35_494,
        scale=RatingScale(0.5, 4, 0.5),
        redistributable=False,
        traps=(
            "35,497 rows are published; 3 repeat a (user, item) pair, and the last one counts here",
            "no timestamps; the rows of a user are in no documented order",
            "the trust file names 134 users without a rating; they are left out",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES),
        OfficialArchive(FILES, url="https://guoguibing.github.io/librec/datasets/filmtrust.zip"),
    )

    def read(self, folder: Path) -> Data:
        return read_interactions(folder / "ratings.txt", duplicates="last")
