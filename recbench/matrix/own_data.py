"""`OwnData`: a user's own file or folder of interactions as a data set."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from recbench.component import Component
from recbench.data.dataset import Data
from recbench.errors import DataError
from recbench.matrix.identity import digest_of

FACTORY = f"{__name__}:OwnData"


def describe(path: Path) -> Component:
    """The component for interactions at `path`: its version is the hash of what was read.

    Raises:
        DataError: nothing there, or nothing that can be read.
    """
    data = _read(path)
    name = re.sub(r"[^a-z0-9._]+", "-", path.stem.lower()).strip("-._")[:64] or "data"
    return Component("dataset", name, FACTORY, _version(data), data.provides, summary=f"interactions in {path.name}")


@dataclass(frozen=True)
class OwnData:
    """Interactions at a path, in any format that `read_interactions` knows.

    Args:
        path: the file or folder.
    """

    path: str

    def load(self) -> Data:
        """Read the interactions.

        Raises:
            DataError: nothing there, or nothing that can be read.
        """
        return _read(Path(self.path))

    def check(self, data: Data, version: str) -> None:
        """Hold what was read against the version that was planned.

        Raises:
            DataError: the file is another one by now.
        """
        if _version(data) != version:
            raise DataError(f"{self.path} has changed since it was planned; run again")

    def scale(self, data: Data) -> tuple[float, float, float] | None:
        """Lowest rating, highest rating and step that all ratings are on, to a thousandth; None without ratings.

        Raises:
            DataError: all ratings are the same.
        """
        if data.interactions.ratings is None:
            return None
        thousandths = np.unique(np.rint(data.interactions.ratings.astype(np.float64) * 1000).astype(np.int64))
        if len(thousandths) < 2:
            raise DataError(
                f"{self.path}: every rating is {thousandths[0] / 1000:g}; drop the column and use implicit feedback"
            )
        return thousandths[0] / 1000, thousandths[-1] / 1000, int(np.gcd.reduce(np.diff(thousandths))) / 1000


def _read(path: Path) -> Data:
    from recbench.data.readers import read_interactions  # loads pyarrow, which most stages do without

    return read_interactions(path)


def _version(data: Data) -> str:
    """The hash of all that a run takes from the data: who interacted with what, the catalogue and the parts."""
    split = data.published
    parts = (data.interactions,) if split is None else (split.train, split.validation, split.test)
    return digest_of([*(part.digest for part in parts), asdict(data.catalog)])[:12]
