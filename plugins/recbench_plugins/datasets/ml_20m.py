"""MovieLens 20M."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, OfficialFiles, Source
from recbench.contracts.threat import RatingScale
from recbench.data.readers import read_interactions

ARCHIVE = {"ml-20m.zip": "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3"}


@dataclass(frozen=True)
class MovieLens20M(Dataset):
    """Ratings of films by users of a website, 1995-2015, with titles and genres."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ml-20m",
        title="MovieLens 20M",
        url="https://grouplens.org/datasets/movielens/20m/",
        licence="GroupLens: research only, no redistribution, no commercial use",
        citation=(
            "F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. "
            "ACM Transactions on Interactive Intelligent Systems 5(4), 2015. doi:10.1145/2827872"
        ),
        users=138_493,
        items=26_744,
        interactions=20_000_263,
        scale=RatingScale(0.5, 5, 0.5),
        redistributable=False,
        traps=(
            "every user has at least 20 ratings, so a fake profile of fewer gives itself away",
            "half stars exist since 2003 only: older ratings are whole numbers",
            "movies.csv lists 27,278 films, 534 of them without a rating; they are left out",
            "many published figures keep ratings from 4 and users from 5 only (136,677 users, 20,108 films)",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        OfficialFiles(ARCHIVE, urls={"ml-20m.zip": "https://files.grouplens.org/datasets/movielens/ml-20m.zip"}),
    )

    def read(self, folder: Path) -> Data:
        return read_interactions(folder / "ml-20m.zip")
