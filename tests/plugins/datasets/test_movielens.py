"""MovieLens 1M, latest small and 20M."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recbench.errors import DataError
from recbench_plugins.datasets.ml_1m import MovieLens1M
from recbench_plugins.datasets.ml_20m import MovieLens20M


def test_ml_1m_is_what_grouplens_published(load) -> None:
    data = load("ml-1m")
    kept = data.interactions
    np.testing.assert_array_equal(np.bincount(kept.ratings.astype(int))[1:], [56174, 107557, 261197, 348971, 226310])
    assert kept.user_counts.min() == 20
    last = data.item_ids.tolist().index(3952)
    assert data.catalog.titles[last] == "Contender, The (2000)"
    assert data.catalog.genres[last] == ("Drama", "Thriller")
    assert "Misérables, Les (1995)" in data.catalog.titles  # Latin-1


def test_ml_1m_is_the_same_data_whoever_carries_it(load, mirror: Path, tmp_path: Path) -> None:
    with gzip.open(mirror / "ml-1m" / "ratings-no-timestamp.dat.gz") as packed:
        rows = packed.read().splitlines()
    timed = b"".join(b"%s::%d\n" % (row, 978_300_000 - k) for k, row in enumerate(rows))
    with zipfile.ZipFile(tmp_path / "ml-1m.zip", "w") as bundle:
        bundle.writestr("ml-1m/ratings.dat", timed)
        bundle.write(mirror / "ml-1m" / "movies.dat", "ml-1m/movies.dat")
    archived = MovieLens1M().load(tmp_path)
    assert archived.interactions.digest == load("ml-1m").interactions.digest
    assert archived.catalog == load("ml-1m").catalog


def test_ml_latest_small_is_the_build_of_2018(load) -> None:
    data = load("ml-latest-small")
    assert data.interactions.timestamps.max() == 1_537_799_250
    assert np.unique(data.interactions.ratings).tolist() == [k / 2 for k in range(1, 11)]
    president = data.item_ids.tolist().index(11)
    assert data.catalog.titles[president] == "American President, The (1995)"
    assert data.catalog.genres[data.item_ids.tolist().index(114335)] == ()


def test_ml_20m_is_read_from_its_archive_and_held_to_its_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ml-20m.zip", "w") as bundle:
        rows = "userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n1,29,3.5,1112484676\n2,2,0.5,974820598\n"
        bundle.writestr("ml-20m/ratings.csv", rows)
        bundle.writestr(
            "ml-20m/movies.csv", 'movieId,title,genres\n2,Jumanji (1995),Adventure\n29,"City, The",Drama|War\n'
        )
        bundle.writestr("ml-20m/genome-scores.csv", "movieId,tagId,relevance\n2,1,0.5\n")
    data = MovieLens20M().read(tmp_path)
    assert data.interactions.ratings.tolist() == [3.5, 3.5, 0.5]
    assert data.interactions.items.tolist() == [1, 0, 0]
    assert data.catalog.titles == ("Jumanji (1995)", "City, The")
    assert data.catalog.genres == (("Adventure",), ("Drama", "War"))
    assert data.provides == {"ratings", "timestamps", "titles", "genres"}
    with pytest.raises(DataError, match="published are 138,493, 26,744, 20,000,263"):
        MovieLens20M().load(tmp_path)
