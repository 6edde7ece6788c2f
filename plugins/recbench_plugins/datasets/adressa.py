"""Adressa."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, Source
from recbench.data.readers import read_interactions

FILES = {
    "train.txt": "c6828d85ca310a03d287d68781e53fe61b7112851b325e72d50b432dd28c4c81",
    "test.txt": "9f17f82e9f738bc08ae7a4c70cf3b25e685afe84f0db28152f96732224889348",
}


@dataclass(frozen=True)
class Adressa(Dataset):
    """Who read which article of a Norwegian newspaper within a week of 2017, with MACR's train and test files.

    The publisher offers the raw events (1.4 GB), from which MACR made these files; only a mirror carries them.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="adressa",
        title="Adressa, one week, as in MACR",
        url="https://reclab.idi.ntnu.no/dataset/",
        licence="Adresseavisen and NTNU: research, cite the paper; the files state no terms",
        citation=(
            "J. A. Gulla, L. Zhang, P. Liu, O. Ozgobek, X. Su: The Adressa Dataset for News Recommendation. WI 2017, "
            "1042-1048. Split: T. Wei et al.: Model-Agnostic Counterfactual Reasoning for Eliminating Popularity Bias "
            "in Recommender System. KDD 2021, 1791-1800"
        ),
        users=13_485,
        items=744,
        interactions=116_321,
        scale=None,
        redistributable=False,
        traps=(
            "no ratings and no timestamps, and the articles of a reader are in no order: leave-one-out means nothing",
            "MACR's test rows were drawn with the same chance for every article, the training rows were not: a popular "
            "article is rarer in test than in train, on purpose. Other splits have no such shift",
            "MACR has no validation file; the split `published` takes it from the training rows",
            "744 articles: a news site's tail is cut off, and five targets are a hundredth of the catalogue",
            "2,090 of 13,485 readers are tested",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (Mirror(FILES, folder="adressa-macr"),)

    def read(self, folder: Path) -> Data:
        return read_interactions(folder, form="sequences")
