"""Steam."""

from __future__ import annotations

import ast
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recbench.contracts.dataset import (
    UNPUBLISHED,
    Data,
    DataError,
    Dataset,
    DatasetInfo,
    OfficialFiles,
    Source,
    hold_to_counts,
)
from recbench.data.readers.assemble import assemble
from recbench.data.readers.tables import open_text

NAME = "steam_reviews.json.gz"
FOLDERS = ("https://mcauleylab.ucsd.edu/public_datasets/data/steam/", "https://cseweb.ucsd.edu/~wckang/")
"""Of the publisher's page, and of the paper's repository."""
KEYS = ("username", "product_id", "date")


@dataclass(frozen=True)
class Steam(Dataset):
    """Who reviewed which game in a shop for video games, by the day, October 2010 to January 2018.

    The publisher counts reviews, users and games, but not how many pairs they are; that number is the one that two
    others found independently, one of them in the code of "Efficient Swing Computation for Retrieval in Large-Scale
    Recommender Systems" (github.com, KASC).
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="steam",
        title="Steam reviews, version 2",
        url="https://cseweb.ucsd.edu/~jmcauley/datasets.html",
        licence="no licence text: offered for research, cite the paper",
        citation=(
            "W.-C. Kang, J. McAuley: Self-Attentive Sequential Recommendation. ICDM 2018, 197-206. "
            "doi:10.1109/ICDM.2018.00035"
        ),
        users=2_567_538,
        items=15_474,
        interactions=6_889_728,
        scale=None,
        redistributable=False,
        traps=(
            "no checksum is published: the file is held to the numbers of reviews, users, games and pairs, and to the "
            "checksum inside gzip",
            "7,793,069 reviews are published; 903,341 repeat a (user, game) pair, and the earliest counts here",
            "no ratings: hours say how long a game was played, not how much it was liked",
            "timestamps are days: the order within a day is undefined",
            "users are display names, which several people may share; ids number them as they appear in the file",
            "half of the users or more reviewed a single game, and published figures are of a 5-core: ask for one",
            "a line is a Python dictionary, not JSON, and to read all of them takes some ten minutes",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = tuple(
        OfficialFiles({NAME: UNPUBLISHED}, urls={NAME: folder + NAME}) for folder in FOLDERS
    )
    raw: ClassVar[Mapping[str, int]] = {"reviews": 7_793_069}
    """What is published about the file itself."""

    def read(self, folder: Path) -> Data:
        path = folder / NAME
        reviews = _read_reviews(path)
        hold_to_counts(self.info.name, {"reviews": len(reviews)}, self.raw)
        reviews = reviews.take(pc.sort_indices(reviews["timestamp"].cast(pa.string())))  # stable
        return assemble(reviews, path, None, duplicates="first")


def _read_reviews(path: Path) -> pa.Table:
    """The columns `user`, `item` and `timestamp`, each distinct text of which is in memory once.

    Raises:
        DataError: a line that is no review.
    """
    numbers: dict[str, dict[str, int]] = {key: {} for key in KEYS}
    rows = {key: array("i") for key in KEYS}
    with open_text(path) as file:
        for at, line in enumerate(file, start=1):
            try:
                review = ast.literal_eval(line.decode())
                for key in KEYS:
                    rows[key].append(numbers[key].setdefault(review[key], len(numbers[key])))
            except (ValueError, SyntaxError, TypeError, KeyError) as error:
                raise DataError(
                    f"{path}: line {at} is no Python dictionary with {', '.join(KEYS)}; replace the file by the "
                    "published one"
                ) from error
    users, items, dates = (np.array(rows[key], dtype=np.int32) for key in KEYS)
    # Names go no further: two that differ in blanks around them would become one, and some are no valid Unicode.
    names = pa.array(range(len(numbers["username"]))).cast(pa.string())
    return pa.table(
        {
            "user": pa.DictionaryArray.from_arrays(users, names),
            "item": pa.DictionaryArray.from_arrays(items, pa.array(list(numbers["product_id"]), pa.string())),
            "timestamp": pa.DictionaryArray.from_arrays(dates, pa.array(list(numbers["date"]), pa.string())),
        }
    )
