"""Epinions and CiaoDVD."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

from recbench_plugins.datasets.ciaodvd import CiaoDVD


def test_the_last_of_repeated_ratings_counts_on_epinions(load, mirror: Path) -> None:
    raw = np.concatenate(list(loadmat(mirror / "epinions" / "epinion.mat")["rating"][0]))
    assert len(raw) == 922_267
    last = pd.DataFrame(raw, columns=["user", "item", "rating"]).drop_duplicates(["user", "item"], keep="last")
    data = load("epinions")
    kept = data.interactions
    found = pd.DataFrame(
        {"user": data.user_ids[kept.users], "item": data.item_ids[kept.items], "rating": kept.ratings.astype(int)}
    )
    order = ["user", "item"]
    assert (found.sort_values(order).to_numpy() == last.sort_values(order).to_numpy()).all()


def test_the_latest_of_repeated_ratings_counts_on_ciaodvd(load, mirror: Path) -> None:
    raw = pd.concat([pd.read_csv(mirror / "ciaodvd" / name) for name in ("train.csv", "test.csv")])
    assert len(raw) == 72_665
    last = raw.sort_values(["time_stamp", "rating"]).drop_duplicates(["user", "item"], keep="last")
    data = load("ciaodvd")
    kept = data.interactions
    found = pd.DataFrame(
        {"user": data.user_ids[kept.users], "item": data.item_ids[kept.items], "rating": kept.ratings.astype(int)}
    )
    found["time_stamp"] = pd.to_datetime(kept.timestamps, unit="s").strftime("%Y-%m-%d")
    order = ["user", "item"]
    assert (found.sort_values(order).to_numpy() == last[found.columns].sort_values(order).to_numpy()).all()
    assert (found["time_stamp"].min(), found["time_stamp"].max()) == ("2000-05-31", "2013-11-28")


def test_the_categories_of_ciaodvd_belong_to_their_films(load, mirror: Path) -> None:
    raw = pd.read_csv(mirror / "ciaodvd" / "train.csv")
    data = load("ciaodvd")
    given = dict(zip(data.item_ids.tolist(), data.catalog.categories, strict=True))
    assert [given[item] for item in raw["item"][:200]] == [str(genre) for genre in raw["genreID"][:200]]


def test_the_archive_of_ciaodvd_has_no_header(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "CiaoDVD.zip", "w") as bundle:
        rows = "1,7,13,100,2,2000-07-12\n1,7,13,101,5,2000-07-11\n2,7,13,102,4,2000-07-12\n2,9,1,103,3,2001-01-01\n"
        bundle.writestr("CiaoDVD/movie-ratings.txt", rows)
        bundle.writestr("CiaoDVD/trusts.txt", "1,2,1\n")
    data = CiaoDVD().read(tmp_path)
    assert data.interactions.ratings.tolist() == [2, 4, 3]
    assert data.interactions.timestamps.tolist() == [963_360_000, 963_360_000, 978_307_200]
    assert data.catalog.categories == ("13", "1")
