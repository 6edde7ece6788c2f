"""Amazon Video Games."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench.data.readers import read_interactions

REPOSITORY = "https://raw.githubusercontent.com/RUCAIBox/LLMRank/master/llmrank/dataset/Games-6k/"
FILES = {
    "Games-6k.item": "be9cea58a8de4f940a20b0ad6b58bad46b22fd6f9dbc82d1a1902e1c62e96ade",
    "Games-6k.test.inter": "b241e4c8a52d2d41530fd073296e8bced4b61753e86ed6c51467c657704bab19",
}


@dataclass(frozen=True)
class AmazonVideoGames(Dataset):
    """Who reviewed which video game, oldest first, up to 2018, with the games' titles; as LLMRank published it."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="amazon-video-games",
        title="Amazon Video Games 2018, as in UniSRec and LLMRank",
        url="https://nijianmo.github.io/amazon/index.html",
        licence="MIT for the preparation; the reviews have no licence text: offered for research, cite the papers",
        citation=(
            "Y. Hou et al.: Large Language Models are Zero-Shot Rankers for Recommender Systems. ECIR 2024, 364-381. "
            "Reviews: J. Ni, J. Li, J. McAuley: Justifying Recommendations using Distantly-Labeled Reviews and "
            "Fine-Grained Aspects. EMNLP 2019, 188-197"
        ),
        users=50_546,
        items=16_859,
        interactions=440_264,
        scale=None,
        redistributable=False,
        traps=(
            "no ratings and no timestamps: a history is in the order of time, which is all that is left of it",
            "histories are cut to their last 50 games, so the longest profiles all have one length",
            "ids are numbered anew from 0; the product codes of the reviews are not in the files",
            "454 of 16,859 titles repeat another one: several products are one game",
            "published figures test on the last item and validate on the one before: the leave-one-out split here",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES, folder="amazon-video-games-2018-text"),
        OfficialFiles(FILES, urls={name: REPOSITORY + name for name in FILES}),
    )

    def read(self, folder: Path) -> Data:
        return read_interactions(folder)
