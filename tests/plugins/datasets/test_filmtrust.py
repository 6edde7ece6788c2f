from pathlib import Path

import numpy as np
import pytest

from recbench.data.readers import read_interactions
from recbench.errors import DataError
from recbench_plugins.datasets.filmtrust import FilmTrust


def test_it_is_what_was_published_without_the_three_repeated_rows(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RECBENCH_MIRROR", str(mirror))
    data = FilmTrust().load()
    kept = data.interactions
    assert (kept.n_users, kept.n_items, len(kept)) == (1508, 2071, 35_494)
    assert kept.timestamps is None
    assert FilmTrust.info.scale.holds(kept.ratings).all()


def test_the_last_of_repeated_rows_counts(mirror: Path) -> None:
    raw = np.loadtxt(mirror / "filmtrust" / "ratings.txt")
    last = {(int(user), int(item)): rating for user, item, rating in raw}
    data = FilmTrust().load(mirror / "filmtrust")
    kept = data.interactions
    users, items = data.user_ids[kept.users].tolist(), data.item_ids[kept.items].tolist()
    assert dict(zip(zip(users, items, strict=True), kept.ratings.tolist(), strict=True)) == last


def test_a_reader_that_was_not_told_of_the_trap_refuses_the_file(mirror: Path) -> None:
    with pytest.raises(DataError, match=r"3 rows repeat a \(user, item\) pair"):
        read_interactions(mirror / "filmtrust" / "ratings.txt")
