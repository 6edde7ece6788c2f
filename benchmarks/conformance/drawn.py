"""Files drawn in the form of data sets that nothing but their publishers carries: times.py checks those.

ml-20m, yelp2018 and amazon-book may not be passed on. Here are files of the same form with the same counts of users,
items and interactions, by a power law, and a plugin that reads them as it would read the real ones, but for the
checksums. Real ids are longer and titles are more, so what they cost is an estimate.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from recbench.component import Component
from recbench.contracts.dataset import Dataset
from recbench.data import Interactions
from recbench.data.synthetic import power_law
from recbench.factories import resolve

SEED = 0
TESTED = 0.2
"""The share of LightGCN's interactions that are in test.txt."""
PLUGIN = """
from recbench.contracts.dataset import Mirror
from {module} import {name}


class Drawn({name}):
    component = {{"provides": {provides!r}}}
    sources = (Mirror({files!r}, folder={folder!r}),)
"""


def write_movielens(data: Interactions, folder: Path) -> None:
    """ml-20m.zip: ratings.csv and movies.csv in a folder of their own."""
    assert data.ratings is not None
    stamps = 789_652_004 + np.arange(len(data), dtype=np.int64) * 30
    columns = {"userId": data.users + 1, "movieId": data.items + 1, "rating": data.ratings, "timestamp": stamps}
    with zipfile.ZipFile(folder / "ml-20m.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("ml-20m/ratings.csv", "w", force_zip64=True) as file:
            pa_csv.write_csv(pa.table(columns), file)
        films = [f"{item + 1},Film {item + 1} (1995),Comedy|Drama" for item in range(data.n_items)]
        archive.writestr("ml-20m/movies.csv", "\n".join(["movieId,title,genres", *films, ""]))


def write_lightgcn(data: Interactions, folder: Path) -> None:
    """train.txt and test.txt: one line a user."""
    last = np.append(np.diff(data.users) != 0, True)  # in train, so that everybody is there
    tested = (np.random.default_rng(SEED).random(len(data)) < TESTED) & ~last
    for name, rows in (("train.txt", ~tested), ("test.txt", tested)):
        part = data.select(rows).histories
        lines = (f"{user} {' '.join(map(str, part[user].tolist()))}".rstrip() for user in range(data.n_users))
        (folder / name).write_text("\n".join(lines) + "\n")


WRITERS = {"ml-20m": write_movielens, "yelp2018": write_lightgcn, "amazon-book": write_lightgcn}


def drawn(component: Component, folder: Path) -> Path:
    """Draw a data set into a mirror, the folder; returns the file of the plugin that reads it, of class `Drawn`."""
    published: type[Dataset] = resolve(component)
    info = published.info
    files = folder / component.name
    files.mkdir()
    WRITERS[component.name](power_law(info.users, info.items, info.interactions, SEED), files)
    checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files.iterdir()}
    plugin = folder / f"{component.name}.py"
    module, _, name = component.factory.partition(":")
    provides = set(component.provides)
    plugin.write_text(
        PLUGIN.format(module=module, name=name, provides=provides, files=checksums, folder=component.name)
    )
    return plugin
