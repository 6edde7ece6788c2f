import gzip
import json
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.data.dataset import Data
from recbench.data.readers import read_interactions

Row = tuple[object, object, float, int]


def rows(data: Data) -> list[Row]:
    """Raw rows in the order of the interactions."""
    kept = data.interactions
    ratings = np.ones(len(kept)) if kept.ratings is None else kept.ratings
    times = np.zeros(len(kept), dtype=int) if kept.timestamps is None else kept.timestamps
    users, items = data.user_ids[kept.users].tolist(), data.item_ids[kept.items].tolist()
    return list(zip(users, items, ratings.tolist(), times.tolist(), strict=True))


TABLE = [(1, 10, 4.0, 100), (1, 20, 3.5, 50), (2, 10, 1.0, 7), (3, 30, 5.0, 9)]
EXPECTED = [(1, 20, 3.5, 50), (1, 10, 4.0, 100), (2, 10, 1.0, 7), (3, 30, 5.0, 9)]


def join(separator: str, header: str = "", end: str = "\n") -> bytes:
    lines = [header] if header else []
    return (end.join([*lines, *(separator.join(map(str, row)) for row in TABLE)]) + end).encode()


@pytest.mark.parametrize(
    "content",
    [
        join("\t"),
        join("::"),
        join(" "),
        join("   ").replace(b"\n", b"  \n").replace(b"\n2", b"\n 2"),
        join(","),
        join(",", "user_id,item_id,rating,timestamp"),
        join(";"),
        join(",", "userId,movieId,rating,timestamp", end="\r\n"),
        join(";", '"User ID";"Item-ID";"Rating";"Time"'),
        join("\t", "user_id:token\titem_id:token\trating:float\ttimestamp:float"),
        join("\t", "reviewerID\tasin\toverall\tunixReviewTime"),
        b"\xef\xbb\xbf" + join(",", "user_id,item_id,rating,timestamp"),
        b"\n\n" + join(",", "user_id,item_id,rating,timestamp") + b"\n\n",
        gzip.compress(join("::"), mtime=0),  # a stamp would give the test another name in every worker
        lzma.compress(join(",", "user_id,item_id,rating,timestamp")),
        b"".join(
            b'{"asin": %d, "overall": %.1f, "reviewerID": %d, "text": "a, \\"b", "unixReviewTime": %d}\n' % (i, r, u, t)
            for u, i, r, t in TABLE
        ),
        b"rating,note,timestamp,item,user\n"
        + b"".join(b'%s,"a, b",%d,%d,%d\n' % (str(r).encode(), t, i, u) for u, i, r, t in TABLE),
    ],
)
def test_a_format_is_recognized_by_content_whatever_the_file_is_called(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine"
    path.write_bytes(content)
    assert rows(read_interactions(path)) == EXPECTED


def test_parquet_of_every_usual_type(tmp_path: Path) -> None:
    users, items, ratings, times = map(list, zip(*TABLE, strict=True))
    plain = {"timestamp": times, "rating": ratings, "item_id": items, "user_id": users}
    tables = [
        pa.table(plain),
        pa.table(plain | {"user_id": pa.array(map(str, users)).dictionary_encode(), "item_id": [*map(str, items)]}),
        pa.table(plain | {"rating": pa.array(ratings, pa.float32()), "item_id": pa.array(items, pa.int16())}),
        pa.table(plain | {"timestamp": pd.to_datetime(times, unit="s")}),
        pa.table(plain | {"timestamp": pd.to_datetime(times, unit="s", utc=True)}),
    ]
    for table in tables:
        pq.write_table(table, tmp_path / "mine")
        assert rows(read_interactions(tmp_path / "mine")) == EXPECTED


def test_rating_and_timestamp_are_optional(tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text("user_id,item_id\nb,x\na,y\na,x\n")
    data = read_interactions(tmp_path / "pairs")
    assert data.interactions.ratings is None
    assert data.interactions.timestamps is None
    assert rows(data) == [("a", "y", 1, 0), ("a", "x", 1, 0), ("b", "x", 1, 0)]


@pytest.mark.parametrize("header", ["user_id,item_id,2019", "2019,User ID,movieId", '"user","item","3.5"'])
def test_a_line_that_names_user_and_item_is_a_header_whatever_else_it_names(tmp_path: Path, header: str) -> None:
    at = 1 if header.startswith("2019") else 0
    lines = [",".join(["7", *pair] if at else [*pair, "7"]) for pair in ("ax", "by")]
    (tmp_path / "a").write_text("\n".join([header, *lines]))
    assert rows(read_interactions(tmp_path / "a")) == [("a", "x", 1, 0), ("b", "y", 1, 0)]


def test_semicolons_separate_where_there_are_more_of_them_than_commas(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("user;item;notes, if any\n1;2,5;a, b, c, d\n2;3;\n")
    assert rows(read_interactions(tmp_path / "a")) == [(1, "2,5", 1, 0), (2, "3", 1, 0)]
    (tmp_path / "b").write_text("user,item,words;of;it\n1;1,2,a;b\n2,3,\n")
    assert rows(read_interactions(tmp_path / "b")) == [("1;1", 2, 1, 0), ("2", 3, 1, 0)]


def test_dates_become_seconds(tmp_path: Path) -> None:
    (tmp_path / "dated").write_text("user,item,time_stamp\n0,1,1970-01-02\n1,1,1970-01-01T00:01:00\n")
    np.testing.assert_array_equal(read_interactions(tmp_path / "dated").interactions.timestamps, [86_400, 60])


@pytest.mark.parametrize(
    "written",
    [
        ("2020-01-01T00:00:07Z", "2020-01-01T00:00:08Z"),
        ("2020-01-01 00:00:07.25", "2020-01-01T00:00:08.999999999"),
        ("2020-01-01T00:00:07.5Z", "2020-01-01T02:00:08+02:00"),
    ],
)
def test_dates_may_have_a_zone_and_fractions_of_seconds(tmp_path: Path, written: tuple[str, str]) -> None:
    (tmp_path / "dated").write_text(f"user,item,time\n0,1,{written[0]}\n1,1,{written[1]}\n")
    assert read_interactions(tmp_path / "dated").interactions.timestamps.tolist() == [1_577_836_807, 1_577_836_808]


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("form", ["{}", "{}.0", "{}e0"])
def test_timestamps_of_any_unit_become_seconds(tmp_path: Path, unit: int, form: str) -> None:
    times = [978_300_019, 1_577_836_800, 3_000]
    lines = [f"{user},1,{form.format(time * unit + unit // 2)}\n" for user, time in enumerate(times)]
    (tmp_path / "timed").write_text("user,item,time\n" + "".join(lines))
    assert read_interactions(tmp_path / "timed").interactions.timestamps.tolist() == times


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("kind", ["int64", "float64", "uint64"])
def test_columns_of_parquet_in_any_unit_become_seconds(tmp_path: Path, unit: int, kind: str) -> None:
    times = [978_300_019, 1_577_836_800]
    column = (np.array(times) * unit).astype(kind)
    pq.write_table(pa.table({"user": [1, 2], "item": [1, 1], "time": column}), tmp_path / "timed")
    assert read_interactions(tmp_path / "timed").interactions.timestamps.tolist() == times


def test_raw_ids_survive_and_are_numbered_in_ascending_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("user,item\n10,007\n9,7\n10,B00\n")
    data = read_interactions(tmp_path / "a")
    assert data.user_ids.tolist() == [9, 10]
    assert data.item_ids.tolist() == ["007", "7", "B00"]


ids = st.one_of(st.integers(-99, 99).map(str), st.text("abc'é0 -.", min_size=1).map(str.strip).filter(bool))


@settings(deadline=None, max_examples=50)
@given(
    st.sets(st.tuples(ids, ids), min_size=2).filter(lambda pairs: len({user for user, _ in pairs}) > 1), st.randoms()
)
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: set[tuple[str, str]], random: object
) -> None:
    ordered = sorted(pairs)
    random.shuffle(ordered)
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    pd.DataFrame(ordered, columns=["user_id", "item_id"]).to_csv(path, index=False)
    data = read_interactions(path)
    assert {(str(user), str(item)) for user, item, *_ in rows(data)} == pairs
    # The numbering does not depend on the order of the rows.
    pd.DataFrame(sorted(ordered), columns=["user_id", "item_id"]).to_csv(path, index=False)
    again = read_interactions(path)
    np.testing.assert_array_equal(data.user_ids, again.user_ids)
    np.testing.assert_array_equal(data.item_ids, again.item_ids)


def test_movielens_100k_as_published(mirror: Path) -> None:
    data = read_interactions(mirror / "ml-100k")
    table = pd.read_csv(mirror / "ml-100k" / "u.data", sep="\t", header=None)
    ordered = table.sort_values([0, 3], kind="stable")
    assert rows(data) == list(ordered.itertuples(index=False, name=None))
    assert data.catalog.titles[1] == "GoldenEye (1995)"
    assert data.catalog.genres[1] == ("Action", "Adventure", "Thriller")
    # Latin-1: item 543 is Misérables, Les (1995).
    assert data.catalog.titles[542] == "Misérables, Les (1995)"


def test_movielens_1m_layout(mirror: Path, tmp_path: Path) -> None:
    """The mirror's ratings lack the timestamps of the published file; the layout is the same otherwise."""
    with gzip.open(mirror / "ml-1m" / "ratings-no-timestamp.dat.gz") as packed:
        rows_of_three = packed.read()
    (tmp_path / "ratings.dat").write_bytes(rows_of_three.replace(b"\n", b"::978300019\n"))
    (tmp_path / "movies.dat").write_bytes((mirror / "ml-1m" / "movies.dat").read_bytes())
    data = read_interactions(tmp_path)
    kept = data.interactions
    assert (kept.timestamps == 978_300_019).all()
    assert (kept.n_users, kept.n_items, len(kept)) == (6040, 3706, 1_000_209)
    np.testing.assert_array_equal(np.bincount(kept.ratings.astype(int))[1:], [56174, 107557, 261197, 348971, 226310])
    last = data.item_ids.tolist().index(3952)
    assert data.catalog.titles[last] == "Contender, The (2000)"
    assert data.catalog.genres[last] == ("Drama", "Thriller")


def test_movielens_20m_layout(mirror: Path) -> None:
    data = read_interactions(mirror / "ml-latest-small")
    kept = data.interactions
    assert (kept.n_users, kept.n_items, len(kept)) == (610, 9724, 100_836)
    president = data.item_ids.tolist().index(11)
    assert data.catalog.titles[president] == "American President, The (1995)"
    assert data.catalog.genres[president] == ("Comedy", "Drama", "Romance")
    unlisted = data.item_ids.tolist().index(114335)
    assert data.catalog.genres[unlisted] == ()


def test_recbole_layout(tmp_path: Path) -> None:
    (tmp_path / "toy.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\nu1\ti2\t5.0\nu2\ti1\t8.8e8\n")
    (tmp_path / "toy.item").write_text(
        'item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\ni1\t"Quoted\t1995\tSci-Fi War\n'
    )
    data = read_interactions(tmp_path)
    assert rows(data) == [("u1", "i2", 1, 5), ("u2", "i1", 1, 880_000_000)]
    assert data.catalog.titles == ('"Quoted (1995)', "")
    assert data.catalog.genres == (("Sci-Fi", "War"), ())


def test_filmtrust_triples(mirror: Path) -> None:
    data = read_interactions(mirror / "filmtrust" / "ratings.txt", duplicates="last")
    published = json.loads((mirror / "MANIFEST.json").read_text())["filmtrust"]
    kept = data.interactions
    assert (kept.n_users, kept.n_items) == (published["users"], published["items"])
    assert len(kept) == published["interactions"] - 3 == 35_494
    assert np.unique(kept.ratings).tolist() == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]


def test_a_zip_archive_of_a_layout_is_a_data_set(mirror: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine", "w") as bundle:
        for name in ("u.data", "u.item"):
            bundle.write(mirror / "ml-100k" / name, f"ml-100k/{name}")
        bundle.writestr("__MACOSX/ml-100k/._u.data", b"resource fork")
    data, folder = read_interactions(tmp_path / "mine"), read_interactions(mirror / "ml-100k")
    assert data.interactions.digest == folder.interactions.digest
    assert data.catalog == folder.catalog


@pytest.mark.parametrize(("duplicates", "rating"), [("first", 1.0), ("last", 3.0)])
def test_a_repeated_pair_keeps_the_row_that_was_asked_for(tmp_path: Path, duplicates: str, rating: float) -> None:
    (tmp_path / "a").write_text("1 1 1\n2 1 5\n1 1 2\n1 2 4\n1 1 3\n")
    data = read_interactions(tmp_path / "a", duplicates=duplicates)
    kept = data.interactions
    assert kept.ratings[(kept.users == 0) & (kept.items == 0)].tolist() == [rating]
    assert len(kept) == 3
