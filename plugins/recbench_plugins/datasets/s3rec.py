"""The files of S3-Rec: one line a user with the items oldest first, and the attributes of every item."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from recbench.contracts.dataset import Data
from recbench.data import Catalog
from recbench.data.readers import read_interactions

PAGE = "https://jmcauley.ucsd.edu/data/amazon/links.html"
REPOSITORY = "https://raw.githubusercontent.com/RUCAIBox/CIKM2020-S3Rec/master/data/"
LICENCE = "no licence text: offered for research, cite the papers"
CITATION = (
    "K. Zhou et al.: S3-Rec: Self-Supervised Learning for Sequential Recommendation with Mutual Information "
    "Maximization. CIKM 2020, 1893-1902. Reviews: J. McAuley, C. Targett, Q. Shi, A. van den Hengel: Image-based "
    "Recommendations on Styles and Substitutes. SIGIR 2015, 43-52"
)
TRAPS = (
    "no ratings and no timestamps: the line of a user is in the order of time, which is all that is left of it",
    "ids are numbered anew from 1; the product codes of the reviews are not in the files",
    "a 5-core: cut harder than most shops' data, so results do not carry over to rare users and items",
    "published figures test on the last item and validate on the one before, which is the leave-one-out split here",
    "attributes (category and brand) are numbers without names; they stand where genres would",
)


def read_s3rec(folder: Path, name: str) -> Data:
    """Read `NAME.txt` and `NAME_item2attributes.json`; an attribute becomes a genre that is called by its number."""
    data = read_interactions(folder / f"{name}.txt", form="sequences")
    attributes = json.loads((folder / f"{name}_item2attributes.json").read_text(encoding="utf-8"))
    genres = tuple(tuple(map(str, attributes.get(str(item), ()))) for item in data.item_ids.tolist())
    return replace(data, catalog=Catalog(genres=genres))
