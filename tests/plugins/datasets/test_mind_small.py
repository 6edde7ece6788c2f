"""MIND-small: small archives of the same form."""

import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from recbench.contracts.dataset import Data
from recbench.data import Interactions
from recbench.errors import DataError
from recbench_plugins.datasets.mind_small import MINDSmall

TRAIN = {
    "behaviors.tsv": """\
1\tU2\t11/12/2019 1:05:58 PM\tN9\tN10-0 N20-1 N30-1
2\tU1\t11/11/2019 12:05:58 AM\t\tN20-1
3\tU2\t11/11/2019 9:05:58 AM\tN9 N8\tN20-1 N10-0
4\tU7\t11/11/2019 9:05:58 AM\tN9\tN10-0
""",
    "news.tsv": """\
N10\tsports\tgolf\tNever clicked\tAn abstract\thttps://a\t[]\t[]
N20\tnews\tnewsus\t"Quoted" and more\t\thttps://b\t[{"Label": "X"}]\t[]
N30\thealth\tweight\tThirty\t\thttps://c\t[]\t[]
""",
    "entity_embedding.vec": "Q1\t0.5\n",
}
DEV = {
    "behaviors.tsv": "1\tU2\t11/15/2019 8:55:22 AM\tN9\tN20-1 N40-1\n2\tU3\t11/15/2019 12:00:00 PM\tN9\tN40-1 N20-0\n",
    "news.tsv": """\
N20\tnews\tnewsus\t"Quoted" and more\t\thttps://b\t[{"Label": "X"}]\t[]
N40\tfinance\tmarkets\tForty\t\thttps://d\t[]\t[]
""",
}


class FewClicks(MINDSmall):
    raw: ClassVar = {"users": 4, "news": 4, "impressions": 6, "clicks": 7}


def write_archives(folder: Path, train: dict[str, str] = TRAIN) -> None:
    for name, root, files in (("MINDsmall_train.zip", "", train), ("MINDsmall_dev.zip", "MINDsmall_dev/", DEV)):
        with zipfile.ZipFile(folder / name, "w") as bundle:
            for file, text in files.items():
                bundle.writestr(root + file, text)


def clicks(data: Data, part: Interactions) -> list[tuple[str, str]]:
    return sorted(zip(data.user_ids[part.users].tolist(), data.item_ids[part.items].tolist(), strict=True))


def test_the_clicks_of_mind_are_those_within_impressions(tmp_path: Path) -> None:
    write_archives(tmp_path)
    data = FewClicks().load(tmp_path)
    assert data.provides == {"timestamps", "titles", "categories", "split"}
    assert clicks(data, data.published.train) == [("U1", "N20"), ("U2", "N20"), ("U2", "N30")]
    assert clicks(data, data.published.test) == [("U2", "N40"), ("U3", "N40")]
    assert len(data.published.validation) == 0
    assert clicks(data, data.interactions) == sorted(
        clicks(data, data.published.train) + clicks(data, data.published.test)
    )
    assert data.catalog.titles == ('"Quoted" and more', "Thirty", "Forty")
    assert data.catalog.categories == ("news", "health", "finance")


def test_the_first_of_repeated_clicks_counts_on_mind(tmp_path: Path) -> None:
    write_archives(tmp_path)
    data = FewClicks().read(tmp_path)
    kept = data.interactions
    pairs = zip(data.user_ids[kept.users].tolist(), data.item_ids[kept.items].tolist(), strict=True)
    times = dict(zip(pairs, kept.timestamps.astype("datetime64[s]").astype(str).tolist(), strict=True))
    assert times == {
        ("U1", "N20"): "2019-11-11T00:05:58",
        ("U2", "N20"): "2019-11-11T09:05:58",
        ("U2", "N30"): "2019-11-12T13:05:58",
        ("U2", "N40"): "2019-11-15T08:55:22",
        ("U3", "N40"): "2019-11-15T12:00:00",
    }


def test_the_archives_of_mind_are_held_to_their_published_size(tmp_path: Path) -> None:
    write_archives(tmp_path)
    found, published = "4 users, 4 news, 6 impressions, 7 clicks", "94,057, 65,238, 230,117, 347,727"
    with pytest.raises(DataError, match=f"mind-small: {found}; published are {published}: the raw files are another"):
        MINDSmall().read(tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("N10-0 N20-1 N30-1", "N10 N20-1", "behaviors.tsv shows 'N10'; expected an article and -1 where it is clicked"),
        ("11/12/2019 1:05:58 PM", "2019-11-12 13:05:58", "behaviors.tsv: .*2019-11-12 13:05:58.*expected a time as"),
        ("\tN9 N8\t", "\tN9\tN8\t", "behaviors.tsv: .*every row needs the same fields"),
    ],
)
def test_what_is_wrong_in_an_archive_of_mind_is_named(tmp_path: Path, right: str, wrong: str, reason: str) -> None:
    behaviors = TRAIN["behaviors.tsv"]
    assert right in behaviors
    write_archives(tmp_path, TRAIN | {"behaviors.tsv": behaviors.replace(right, wrong)})
    with pytest.raises(DataError, match=f"MINDsmall_train.zip/{reason}"):
        FewClicks().read(tmp_path)


def test_an_archive_of_mind_without_its_files_is_named(tmp_path: Path) -> None:
    write_archives(tmp_path, {"behaviors.tsv": TRAIN["behaviors.tsv"]})
    with pytest.raises(DataError, match=r"MINDsmall_train\.zip does not hold news\.tsv"):
        FewClicks().read(tmp_path)
