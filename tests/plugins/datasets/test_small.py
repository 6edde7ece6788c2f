"""Last.fm 2K, Jester 5k and the Microsoft Web Data."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from recbench_plugins.datasets.lastfm import LastFM


def test_last_fm_is_who_played_what_in_the_order_of_ids(load, mirror: Path) -> None:
    raw = pd.read_csv(mirror / "lastfm-hetrec2011" / "user_artists.dat", sep="\t")
    data = load("lastfm")
    kept = data.interactions
    np.testing.assert_array_equal(data.user_ids[kept.users], raw["userID"])
    np.testing.assert_array_equal(data.item_ids[kept.items], raw["artistID"])
    assert (raw["artistID"].groupby(raw["userID"]).diff().dropna() > 0).all()
    assert data.catalog.titles[data.item_ids.tolist().index(3)] == "Carpathian Forest"
    assert 0.96 < np.mean(kept.user_counts == 50) < 0.97


def test_the_archive_of_last_fm_equals_the_mirror(load, mirror: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "hetrec2011-lastfm-2k.zip", "w") as bundle:
        for path in (mirror / "lastfm-hetrec2011").glob("*.dat"):
            bundle.write(path, path.name)
    archived = LastFM().load(tmp_path)
    assert archived.interactions.digest == load("lastfm").interactions.digest
    assert archived.catalog == load("lastfm").catalog


def test_jester_has_dense_ratings_in_hundredths_and_the_jokes(load) -> None:
    data = load("jester")
    kept = data.interactions
    assert kept.user_counts.min() == 36
    assert (kept.ratings.min(), kept.ratings.max()) == (np.float32(-9.95), np.float32(9.9))
    assert np.count_nonzero(kept.ratings == 0) == 1025
    first = data.item_ids.tolist().index("j1")
    assert data.catalog.texts[first].startswith("A man visits the doctor.")


def test_the_web_data_has_the_titles_of_its_areas(load, mirror: Path) -> None:
    data = load("msweb")
    kept = data.interactions
    raw = pd.read_csv(mirror / "msweb" / "visits.csv.gz")
    pairs = pd.DataFrame({"user": data.user_ids[kept.users], "vroot": data.item_ids[kept.items]})
    pd.testing.assert_frame_equal(pairs.sort_values(["user", "vroot"], ignore_index=True), raw)
    assert data.catalog.titles[1] == "Support Desktop"
    assert len(set(data.catalog.titles)) == 285
