"""MovieLens latest small."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialArchive, Source
from recbench.contracts.threat import RatingScale
from recbench.data.readers import read_interactions

FILES = {
    "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
    "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
}


@dataclass(frozen=True)
class MovieLensLatestSmall(Dataset):
    """Ratings of films by users of a website, 1996-2018, with titles and genres: the build of September 2018."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ml-latest-small",
        title="MovieLens latest small, 9/2018",
        url="https://grouplens.org/datasets/movielens/latest/",
        licence="GroupLens: research; redistribution under the same terms; no commercial use",
        citation=(
            "F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. "
            "ACM Transactions on Interactive Intelligent Systems 5(4), 2015. doi:10.1145/2827872"
        ),
        users=610,
        items=9724,
        interactions=100_836,
        scale=RatingScale(0.5, 5, 0.5),
        redistributable=True,
        traps=(
            "a development set: its publisher changes it and asks that no research results be reported on it",
            "packages carry the build of 2016 (671 users, 100,004 ratings) under the same name",
            "a third of the films have one rating, so most of the least popular targets are known to nobody",
            "movies.csv lists 9,742 films, 18 of them without a rating; they are left out",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES),
        OfficialArchive(FILES, url="https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"),
    )

    def read(self, folder: Path) -> Data:
        return read_interactions(folder)
