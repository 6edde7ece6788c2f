"""MovieLens 1M."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench.contracts.threat import RatingScale
from recbench.data.archive import extract
from recbench.data.readers.assemble import assemble
from recbench.data.readers.interactions import read_table
from recbench.data.readers.items import read_movielens_1m

FILES = {
    "ratings-no-timestamp.dat.gz": "d772187dc0388f89b245b84aa9ddfd743cf120187044425fdd7b74d4faa31e8a",
    "movies.dat": "0140fc2356357c1a851d0f52e893a1e4d3696df632c4141cea8d5bc3d621f0b9",
}
ARCHIVE = {"ml-1m.zip": "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"}


@dataclass(frozen=True)
class MovieLens1M(Dataset):
    """Ratings of films by people who joined a website in 2000, with titles and genres.

    The mirror's file lacks the timestamps of the official one. One name is one data set, so they are left
    out whoever carries it; the rows are the same and in the same order.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ml-1m",
        title="MovieLens 1M",
        url="https://grouplens.org/datasets/movielens/1m/",
        licence="GroupLens: research only, no redistribution, no commercial use",
        citation=(
            "F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. "
            "ACM Transactions on Interactive Intelligent Systems 5(4), 2015. doi:10.1145/2827872"
        ),
        users=6040,
        items=3706,
        interactions=1_000_209,
        scale=RatingScale(1, 5, 1),
        redistributable=False,
        traps=(
            "no timestamps here, and the rows of a user are not in the order of time: leave-one-out means nothing",
            "every user has at least 20 ratings, so a fake profile of fewer gives itself away",
            "movies.dat is Latin-1 and lists 3,883 films, 177 of them without a rating; they are left out",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES),
        OfficialFiles(ARCHIVE, urls={"ml-1m.zip": "https://files.grouplens.org/datasets/movielens/ml-1m.zip"}),
    )

    def read(self, folder: Path) -> Data:
        if (archive := folder / "ml-1m.zip").is_file():
            with tempfile.TemporaryDirectory() as unpacked:
                extract(archive, Path(unpacked), names={"ratings.dat", "movies.dat"})
                return _read(Path(unpacked) / "ml-1m" / "ratings.dat")
        return _read(folder / "ratings-no-timestamp.dat.gz")


def _read(ratings: Path) -> Data:
    table = read_table(ratings).select(["user", "item", "rating"])
    return assemble(table, ratings, read_movielens_1m(ratings.with_name("movies.dat")), duplicates="error")
