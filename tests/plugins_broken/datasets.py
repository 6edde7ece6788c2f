"""Data sets with one mistake each; fourteen interactions that a source writes down but for that."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from recbench.component import Component
from recbench.contracts import Data, Dataset, DatasetInfo
from recbench.data import Catalog, Interactions
from recbench.data.sources import UNPUBLISHED, Source

TEXT = """\
ann tea
ann rum
bob tea
cat gin
cat rum
dan tea
eve gin
fay ale
gus tea
hal gin
ida sake
jon ale
kay cider
leo rum
"""


@dataclass(frozen=True)
class Written(Source):
    """A source that writes the one raw file."""

    label = "written"

    def collect(self, dataset, into):
        (into / "clicks.txt").write_text(TEXT)


SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


@dataclass(frozen=True)
class Clicks(Dataset):
    """Ids in the order of the file."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        "clicks", "Clicks", "", "CC0", "none", users=12, items=6, interactions=14, scale=None, redistributable=True
    )
    sources: ClassVar[tuple[Source, ...]] = (Written({"clicks.txt": SHA256}),)

    def known(self, words):
        return list(dict.fromkeys(words))

    def read(self, folder: Path) -> Data:
        users, items = zip(*(line.split() for line in (folder / "clicks.txt").read_text().splitlines()), strict=True)
        names = self.known(users), self.known(items)
        ids = [
            np.array([known.index(word) for word in words]) for known, words in zip(names, (users, items), strict=True)
        ]
        kept = Interactions(ids[0], ids[1], 12, 6)
        return Data(kept, Catalog(), np.array(names[0]), np.array(names[1]))


class Unpinned(Clicks):
    """A carrier that anyone may change unseen."""

    sources = (Written({"clicks.txt": SHA256}), Written({"clicks.txt": "unknown"}))


class NeitherPinnedNorCounted(Clicks):
    """No checksum, and nothing else by which another version would be told."""

    info = replace(Clicks.info, interactions=None)
    sources = (Written({"clicks.txt": UNPUBLISHED}),)


class LosesTheLastLine(Clicks):
    """Drops the last line, and says nothing because it loads by itself."""

    def load(self, folder=None):
        data = super().load(folder)
        return replace(data, interactions=data.interactions.select(np.arange(14) < 13))


class IdsOfASet(Clicks):
    """D29: ids in the order in which a set is iterated."""

    def known(self, words):
        return list(set(words))


class AsksAgain(Clicks):
    """Asks the server for a newer version at every load, and goes on without an answer."""

    def load(self, folder=None):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().load(folder)


class LosesALineTheSecondTime(Clicks):
    """Keeps what it has read, and eats from it."""

    read_before: ClassVar[list[bool]] = []

    def load(self, folder=None):
        data = super().load(folder)
        if self.read_before:
            data = replace(data, interactions=data.interactions.select(np.arange(14) < 13))
        self.read_before.append(True)
        return data


def _of(name: str) -> Component:
    return Component("dataset", name.lower(), f"{__name__}:{name}")


BROKEN = {
    "every raw file has a checksum": _of("Unpinned"),
    "it holds what was published": _of("LosesTheLastLine"),
    "every process reads the same data and splits it alike": _of("IdsOfASet"),
    "a second load works offline": _of("AsksAgain"),
}

ALSO = {
    "every raw file has a checksum": [_of("NeitherPinnedNorCounted")],
    "a second load works offline": [_of("LosesALineTheSecondTime")],
}
"""More mistakes that a check must catch and no other check may."""
