"""Last.fm 2K."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, OfficialFiles, Source
from recbench.data.readers import read_interactions

FILES = {
    "user_artists.dat": "254272fa721c3935e8be286d28c051b206844307128698ab4eaa41d483379416",
    "artists.dat": "c173881362c6b28551368fecb3c0be5a6a30a6cd859e1f5775413dfe46d48648",
}
ARCHIVE = {"hetrec2011-lastfm-2k.zip": "md5:296d61afe4e8632b173fc2dd3be20ce2"}


@dataclass(frozen=True)
class LastFM(Dataset):
    """Who listened to which artist, 2011, with the artists' names."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="lastfm",
        title="Last.fm 2K, HetRec 2011",
        url="https://grouplens.org/datasets/hetrec-2011/",
        licence="Last.fm: non-commercial use, cite Last.fm and HetRec 2011",
        citation=(
            "I. Cantador, P. Brusilovsky, T. Kuflik: 2nd Workshop on Information Heterogeneity and Fusion in "
            "Recommender Systems (HetRec 2011). RecSys 2011, 387-388"
        ),
        users=1892,
        items=17_632,
        interactions=92_834,
        scale=None,
        redistributable=False,
        traps=(
            "no ratings: the weight is a number of plays, from 1 to 352,698, and every artist played counts once here",
            "no timestamps; the artists of a user are in the order of their ids: leave-one-out means nothing",
            "97% of the users have exactly 50 artists, the most that were taken: nearly all profiles have one length",
            "61% of the artists have one listener: cut to a core before anything is trained",
            "a few names are broken UTF-8 already in the publisher's file; they are taken as they are",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES, folder="lastfm-hetrec2011"),
        OfficialFiles(
            ARCHIVE, urls={name: f"https://files.grouplens.org/datasets/hetrec2011/{name}" for name in ARCHIVE}
        ),
    )

    def read(self, folder: Path) -> Data:
        archive = folder / "hetrec2011-lastfm-2k.zip"
        return read_interactions(archive if archive.is_file() else folder)
