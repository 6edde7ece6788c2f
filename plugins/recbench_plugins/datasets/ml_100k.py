"""MovieLens 100K."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialArchive, RegistryWheel, Source
from recbench.contracts.threat import RatingScale
from recbench.data.readers import read_interactions

FILES = {
    "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    "u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
}
RECBOLE_FILES = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}


@dataclass(frozen=True)
class MovieLens100K(Dataset):
    """Ratings of films by students and visitors of a website, 1997-98, with titles and genres.

    RecBole's wheel carries the same rows in the same order; only titles differ there, and `read` mends them.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ml-100k",
        title="MovieLens 100K",
        url="https://grouplens.org/datasets/movielens/100k/",
        licence="GroupLens: research only, no redistribution, no commercial use",
        citation=(
            "F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. "
            "ACM Transactions on Interactive Intelligent Systems 5(4), 2015. doi:10.1145/2827872"
        ),
        users=943,
        items=1682,
        interactions=100_000,
        scale=RatingScale(1, 5, 1),
        redistributable=False,
        traps=(
            "every user has at least 20 ratings, so a fake profile of fewer gives itself away",
            "many ratings of a user share one second: their order in time is partly undefined",
            "18 films are listed twice under two ids",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES),
        OfficialArchive(FILES, url="https://files.grouplens.org/datasets/movielens/ml-100k.zip"),
        RegistryWheel(
            RECBOLE_FILES,
            requirement="recbole==1.2.1",
            sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        ),
    )

    def read(self, folder: Path) -> Data:
        data = read_interactions(folder)
        # RecBole misspells the title of item 267, which GroupLens gives as "unknown".
        titles = tuple("unknown" if title == "unkonwn (unkonwn)" else title for title in data.catalog.titles)
        return replace(data, catalog=replace(data.catalog, titles=titles))
