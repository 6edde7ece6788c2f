"""MIND-small."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recbench.contracts.dataset import Data, DataError, Dataset, DatasetInfo, OfficialFiles, Source, hold_to_counts
from recbench.data import Catalog
from recbench.data.archive import extract
from recbench.data.readers.assemble import assemble
from recbench.data.readers.items import ItemTable
from recbench.data.readers.tables import open_text, parse

ARCHIVES = {
    "MINDsmall_train.zip": "md5:bd6ae77fa15949653f39829e946d327c",
    "MINDsmall_dev.zip": "md5:1c9e798fe440c1999547211cd5245e3e",
}
PARTS = {"MINDsmall_train.zip": 0, "MINDsmall_dev.zip": 2}
"""The archives as `assemble` numbers parts: MIND-small has no test file, so dev is what papers test on."""
FOLDERS = (
    "https://mind201910small.blob.core.windows.net/release/",
    "https://recodatasets.z20.web.core.windows.net/newsrec/",
)
"""Of the publisher's page, and of Microsoft's library Recommenders."""
BEHAVIORS = ("impression", "user", "time", "history", "shown")
NEWS = ("id", "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities")


@dataclass(frozen=True)
class MINDSmall(Dataset):
    """Who clicked which article on a news portal within a week of 2019, with titles and categories.

    The checksums are those that DataRec publishes. Its earlier code pinned two others (md5 8ab752c7…, e3bac548…), so an
    archive that is refused for its checksum may be a genuine one of another packing.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="mind-small",
        title="MIND-small, Microsoft News Dataset",
        url="https://msnews.github.io/",
        licence="Microsoft Research License Terms: non-commercial research only",
        citation=(
            "F. Wu, Y. Qiao, J.-H. Chen, C. Wu, T. Qi, J. Lian, D. Liu, X. Xie, J. Gao, W. Wu, M. Zhou: MIND: A "
            "Large-scale Dataset for News Recommendation. ACL 2020, 3597-3606. doi:10.18653/v1/2020.acl-main.331"
        ),
        users=None,
        items=None,
        interactions=None,
        scale=None,
        redistributable=False,
        traps=(
            "94,057 users, 65,238 articles, 230,117 impressions and 347,727 clicks are published, and the raw files "
            "are held to these; how many users and articles have a click, and how many pairs they are, is not",
            "a user's first click on an article counts, so one that is clicked in both parts is in train",
            "no ratings: a click is not a judgement, and articles that were shown and not clicked are left out",
            "histories (clicks of the four weeks before, whose time is not given) are left out",
            "the timestamp of a click is that of its impression: clicks of one impression have no order",
            "the part to test on is the last day, of another 50,000 users, 5,943 of whom are in train too: the others "
            "have nothing to train on",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = tuple(
        OfficialFiles(ARCHIVES, urls={name: folder + name for name in ARCHIVES}) for folder in FOLDERS
    )
    raw: ClassVar[Mapping[str, int]] = {"users": 94_057, "news": 65_238, "impressions": 230_117, "clicks": 347_727}
    """What is published about the two archives together."""

    def read(self, folder: Path) -> Data:
        impressions, clicks, news = [], [], []
        for name, part in PARTS.items():
            behaviors = folder / name / "behaviors.tsv"
            impressions.append(_parse(behaviors, BEHAVIORS, keep=("user", "time", "shown")))
            clicked = _clicks(impressions[-1], behaviors)
            clicks.append(clicked.append_column("part", pa.array(np.full(len(clicked), part, dtype=np.int8))))
            news.append(_parse(folder / name / "news.tsv", NEWS, keep=("id", "category", "title")))
        shown, table, articles = map(pa.concat_tables, (impressions, clicks, news))
        found = {
            "users": pc.count_distinct(shown["user"]).as_py(),
            "news": pc.count_distinct(articles["id"]).as_py(),
            "impressions": len(shown),
            "clicks": len(table),
        }
        hold_to_counts(self.info.name, found, self.raw)
        ids, titles, categories = (tuple(articles[name].to_pylist()) for name in ("id", "title", "category"))
        items = ItemTable(ids, Catalog(titles=titles, categories=categories))
        in_time = pc.sort_indices(table, sort_keys=[("part", "ascending"), ("timestamp", "ascending")])
        return assemble(table.take(in_time), folder, items, duplicates="first")


def _parse(member: Path, names: Sequence[str], keep: Sequence[str]) -> pa.Table:
    """Columns of a file in an archive, whatever folder of it the file lies in.

    Raises:
        DataError: no such file, another number of columns.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        found = extract(member.parent, Path(unpacked), names={member.name})
        if not found:
            raise DataError(f"{member.parent} does not hold {member.name}; fetch it again")
        with open_text(found[0]) as file:
            return parse(file, member, names, "\t", keep=keep)


def _clicks(impressions: pa.Table, origin: Path) -> pa.Table:
    """The columns `user`, `item` and `timestamp` of what was clicked, from what was shown: `N123-1 N77-0`.

    Raises:
        DataError: an entry or a time in another form.
    """
    lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(impressions["shown"].combine_chunks()))
    entries = pc.list_flatten(lists)
    wrong = entries.filter(pc.invert(pc.match_substring_regex(entries, r"^.+-[01]$")))
    if len(wrong):
        raise DataError(f"{origin} shows {wrong[0].as_py()!r}; expected an article and -1 where it is clicked, else -0")
    try:
        times = pc.strptime(impressions["time"], format="%m/%d/%Y %I:%M:%S %p", unit="s")
    except pa.ArrowInvalid as error:
        raise DataError(f"{origin}: {error}; expected a time as 11/15/2019 8:55:22 AM") from error
    clicked = pc.ends_with(entries, "-1")
    rows = pc.list_parent_indices(lists).filter(clicked)
    return pa.table(
        {
            "user": impressions["user"].take(rows),
            "item": pc.utf8_slice_codeunits(entries.filter(clicked), 0, stop=-2),
            "timestamp": times.take(rows),
        }
    )
