"""Steam: a small file of the same form."""

import gzip
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from recbench.errors import DataError
from recbench_plugins.datasets.steam import Steam

REVIEWS = """\
{u'username': u'Zo\\xeb', u'hours': 9.1, u'product_id': u'440', u'page': 1, u'date': u'2017-12-17', u'text': u"don't"}
{u'username': u'Bob ', u'product_id': u'70', u'date': u'2012-01-02', u'text': u"{u'username': u'x', u'date': u'y'}"}
{u'username': u'Bob', u'products': 12, u'product_id': u'440', u'date': u'2015-06-01', u'user_id': u'76561198'}
{u'username': u'Zo\\xeb', u'product_id': u'440', u'date': u'2014-05-06', u'early_access': False, u'found_funny': 3}
{u'username': u'\\ud83d', u'product_id': u'440', u'date': u'2013-04-05', u'text': u''}
"""
"""Two names differ in a blank, one is half a character, and the earlier review of a pair comes later."""


class FewReviews(Steam):
    raw: ClassVar = {"reviews": 5}


def write_reviews(folder: Path, text: str = REVIEWS) -> None:
    with gzip.open(folder / "steam_reviews.json.gz", "wt", encoding="utf-8") as file:
        file.write(text)


def test_the_reviews_of_steam_are_python_dictionaries(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    data = FewReviews().read(tmp_path)
    kept = data.interactions
    assert data.provides == {"timestamps"}
    assert data.user_ids.tolist() == [0, 1, 2, 3]
    assert data.item_ids.tolist() == [70, 440]
    day = np.datetime64("1970-01-01")
    rows = zip(kept.users.tolist(), data.item_ids[kept.items].tolist(), kept.timestamps.tolist(), strict=True)
    assert sorted((user, item, str(day + time // 86_400)) for user, item, time in rows) == [
        (0, 440, "2014-05-06"),
        (1, 70, "2012-01-02"),
        (2, 440, "2015-06-01"),
        (3, 440, "2013-04-05"),
    ]
    assert not (kept.timestamps % 86_400).any()


def test_steam_is_held_to_its_published_size(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    with pytest.raises(DataError, match="steam: 5 reviews; published are 7,793,069: the raw files are another version"):
        Steam().load(tmp_path)
    with pytest.raises(DataError, match="4 users, 2 items, 4 interactions; published are 2,567,538, 15,474, 6,889,728"):
        FewReviews().load(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "{u'username': u'Al', u'product_id': u'70'}",
        "{u'username': ",
        "7",
        "dict(username='a', product_id='7', date='2017-01-01')",
    ],
)
def test_a_line_that_is_no_review_is_named(tmp_path: Path, line: str) -> None:
    write_reviews(tmp_path, REVIEWS + line + "\n")
    with pytest.raises(DataError, match="line 6 is no Python dictionary with username, product_id, date; replace"):
        FewReviews().read(tmp_path)


def test_a_damaged_file_of_steam_is_told_by_the_checksum_of_gzip(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    path = tmp_path / "steam_reviews.json.gz"
    content = path.read_bytes()
    path.write_bytes(content[:-8] + b"\0\0\0\0" + content[-4:])
    with pytest.raises(DataError, match="is no whole gzip file"):
        FewReviews().read(tmp_path)
