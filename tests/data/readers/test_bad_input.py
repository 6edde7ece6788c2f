import gzip
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from recbench.data.readers import read_interactions
from recbench.errors import DataError

GOOD = "user_id,item_id,rating,timestamp\n1,1,4,100\n2,1,3,200\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no data rows"),
        ("\n\n", "has no data rows"),
        ("user_id,item_id\n", "has no data rows"),
        ("user,rating\n1,2\n", "has no item column; found: user, rating"),
        ("name,score\n1,2\n", "has no user and no item column; found: name, score"),
        ("user,item\n1,1\n1,2\n", r"has one user \(1\)"),
        ("user,item,rating\n1,1,4\n2,1,good\n", "data row 2 has the rating 'good'"),
        ("user,item,rating\n1,1,4\n2,1,\n", "data row 2 has the rating ''"),
        ("user,item,rating\n1,1,nan\n2,1,4\n", "data row 1 has the rating 'nan'"),
        ("user,item,rating\n1,1,4\n2,1,inf\n", "data row 2 has the rating 'inf'"),
        ("1;2;3,5\n2;2;4\n", "data row 1 has the rating '3,5', which is no finite number; write decimals with a point"),
        ("user;item;rating\n1;2;3\n2;2;4,5\n", "data row 2 has the rating '4,5'.*with a point"),
        ("1,2,978300019\n2,2,978300760\n", "third column.*looks like times.*'user_id,item_id,timestamp'"),
        ("1::2::978300019000\n2::2::978300760000\n", "third column.*looks like times.*'user_id::item_id::timestamp'"),
        ("1, 2, 978300019.0\n2, 2, 978300760.0\n", "third column.*looks like times"),
        ("1\t2\t978300019\t5\n2\t2\t978300760\t4\n", "third column.*looks like times"),
        ("user,item,timestamp\n1,1,5\n2,1,yesterday\n", "data row 2 has the timestamp 'yesterday'"),
        ("user,item,time\n1,1,2020-01-01\n2,1,\n", "data row 2 has the timestamp ''"),
        (
            "user,item,time\n1,1,2020-01-01\n2,1,2020-01-02T00:00:00Z\n3,1,\n",
            "data row 2 has the timestamp '2020-01-02T",
        ),
        ("user,item,time\n1,1,2020-01-01\n2,1,2020-02-30\n3,1,5\n", "data row 2 has the timestamp '2020-02-30'"),
        ("user,item,time\n1,1,5\n2,1,2020-01-01\n", "data row 2 has the timestamp '2020-01-01'"),
        (
            "user,item,time\n1,1,20201231\n2,1,19991130\n",
            r"dates without dashes \(20201231\); write them as 2020-12-31",
        ),
        ("user,item,time\n1,1,5\n2,1,1e30\n", "data row 2 has the timestamp '1e30'"),
        ("user,item,time\n1,1,5\n2,1,-9223372036854775809\n", "data row 2 has the timestamp '-9223372036854775809'"),
        ("user,item,time\n1,1,5\n2,1,inf\n", "data row 2 has the timestamp 'inf'"),
        (
            "user,item,time\n1,1,978300019\n2,1,978300019000\n3,1,978300020\n",
            "data row 2 has the timestamp '978300019000', and most are in seconds",
        ),
        ("user,item\n1,1\n,1\n2,2\n", "data row 2 has no user id"),
        ("user,item\n1,1\n2, \n", "data row 2 has no item id"),
        ("1 1 4\n1 2 5\n2 1\n", "Expected 3 columns, got 2"),
        ("1 2 3 4 5 6\n1 3 3 4 5 6\n", "has no header and 6 columns"),
        ('{"user": 1, "item": 2}\n{"user": 3', "is not JSON with one object a line"),
        ('{"user": 1, "stars": 2}\n', "has no item column; found: user, stars"),
        ("7\n8\n", "has no header and 1 columns"),
        (
            "user,item\na,x\nb,y\na,z\nb,y\na,x\n",
            r"2 rows repeat a \(user, item\) pair; the first is data row 4 \(user b, item y, also in row 2\)",
        ),
    ],
)
def test_bad_text_is_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_interactions(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv does not exist"):
        read_interactions(tmp_path / "nowhere.csv")


def test_text_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("user,item\né,1\nb,1\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        read_interactions(tmp_path / "a")


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(10))
    with pytest.raises(DataError, match="is a binary file"):
        read_interactions(tmp_path / "a.npy")


def test_truncated_containers_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr("mine.csv", GOOD)
    (tmp_path / "a.gz").write_bytes(gzip.compress(GOOD.encode()))
    pq.write_table(pa.table({"user_id": [1, 2], "item_id": [1, 1]}), tmp_path / "a.parquet")
    (tmp_path / "a.xz").write_bytes(lzma.compress(GOOD.encode()))
    sp.save_npz(tmp_path / "a.npz", sp.csr_matrix([[1, 1], [0, 1]]))
    for name, message in (
        ("a.zip", "no whole zip"),
        ("a.gz", "no whole gzip"),
        ("a.xz", "no whole xz"),
        ("a.parquet", "no whole Parquet"),
        ("a.npz", "no whole zip"),
    ):
        path = tmp_path / name
        assert len(read_interactions(path).interactions) >= 2
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(DataError, match=f"{name} is {message}"):
            read_interactions(path)


def test_parquet_without_a_column_says_what_it_found(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": [1, 2], "thing": [1, 1]}), tmp_path / "a")
    with pytest.raises(DataError, match="has no item column; found: user_id, thing"):
        read_interactions(tmp_path / "a")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user_id": [1, None], "item_id": [1, 1]}, "data row 2 has no user id"),
        ({"user_id": [1, 2], "item_id": [1, 1], "rating": [None, 2.0]}, "data row 1 has the rating None"),
        ({"user_id": [1, 2], "item_id": [1, 1], "rating": [True, False]}, "data row 1 has the rating 'true'"),
        ({"user_id": [1, 2], "item_id": [1, 1], "rating": [[1], [2]]}, "the rating column is list"),
        ({"user_id": [[1], [2]], "item_id": [1, 1]}, "the user column is list"),
        ({"user_id": [], "item_id": []}, "has no data rows"),
        (
            {"user_id": pa.array(["a", None, "b"]).dictionary_encode(), "item_id": [1, 1, 1]},
            "data row 2 has no user id",
        ),
        ({"user_id": [1, 2, 3], "item_id": pa.array([4, 4, None]).dictionary_encode()}, "data row 3 has no item id"),
        (
            {"user_id": [1, 2], "item_id": [1, 1], "rating": pa.array(["4", None]).dictionary_encode()},
            "data row 2 has the rating ''",
        ),
        (
            {"user_id": [1, 2], "item_id": [1, 1], "time": pa.array([1, 2], pa.duration("ns"))},
            r"the timestamp column is duration\[ns\]; expected",
        ),
        (
            {"user_id": [1, 2], "item_id": [1, 1], "time": pa.array([1, 2], pa.time64("us"))},
            r"the timestamp column is time64\[us\]; expected",
        ),
        (
            {"user_id": [1, 2], "item_id": [1, 1], "time": pa.array([10**9, None], pa.timestamp("ms", "UTC"))},
            "data row 2 has the timestamp ''",
        ),
        (
            {"user_id": [1, 2], "item_id": [1, 1], "time": pa.array([5, 2**63], pa.uint64())},
            f"data row 2 has the timestamp '{2**63}'",
        ),
    ],
)
def test_bad_parquet_is_one_clear_line(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a")
    with pytest.raises(DataError, match=message) as caught:
        read_interactions(tmp_path / "a")
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no data set"):
        read_interactions(tmp_path)
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text(GOOD)
    with pytest.raises(DataError, match=r"holds 2 tables \(one.csv, two.csv\)"):
        read_interactions(tmp_path)


def test_a_message_about_an_archive_names_the_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as bundle:
        bundle.writestr("inner/mine.csv", "user,rating\n1,2\n")
    with pytest.raises(DataError) as caught:
        read_interactions(tmp_path / "mine.zip")
    assert str(caught.value).startswith(f"{tmp_path / 'mine.zip'}/inner/mine.csv has no item column")


def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as bundle:
        bundle.writestr("mine.csv", GOOD)
        bundle.writestr("../evil.csv", GOOD)
    with pytest.raises(DataError, match="unsafe path"):
        read_interactions(tmp_path / "mine.zip")


def test_items_without_an_id_column_are_named(tmp_path: Path) -> None:
    (tmp_path / "toy.inter").write_text("user_id:token\titem_id:token\nu1\ti2\nu2\ti1\n")
    (tmp_path / "toy.item").write_text("title:token_seq\nx\n")
    with pytest.raises(DataError, match=r"toy\.item has no item column; found: title:token_seq"):
        read_interactions(tmp_path)


def test_parts_of_a_folder_with_columns_of_two_types_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": [1, 2], "item_id": [1, 2]}), tmp_path / "train.parquet")
    pq.write_table(pa.table({"user_id": ["1", "2"], "item_id": ["1", "2"]}), tmp_path / "test.parquet")
    with pytest.raises(DataError, match=r"test.parquet, train.parquet is not of the same type in each"):
        read_interactions(tmp_path)


def test_a_sparse_matrix_of_complex_numbers_is_refused(tmp_path: Path) -> None:
    sp.save_npz(tmp_path / "m.npz", sp.csr_matrix(np.array([[1 + 1j, 0, 2], [0, 1, 0]])))
    with pytest.raises(DataError, match="complex numbers"):
        read_interactions(tmp_path / "m.npz")
