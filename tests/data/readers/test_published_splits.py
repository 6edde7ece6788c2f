"""Folders whose publisher split the interactions."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.data.dataset import Data
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.data.splits import Split, published_split
from recbench.errors import DataError

Pairs = set[tuple[int, int]]


def pairs(data: Data, part: Interactions) -> Pairs:
    users, items = data.user_ids[part.users].tolist(), data.item_ids[part.items].tolist()
    return set(zip(users, items, strict=True))


def parts(data: Data) -> list[Pairs]:
    split = data.published
    return [pairs(data, part) for part in (split.train, split.validation, split.test)]


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 9)), st.sampled_from([0, 1, 2]), min_size=3).filter(
        lambda content: len({user for user, _ in content}) > 1 and set(content.values()) == {0, 1, 2}
    ),
    st.sampled_from([("toy.{}.inter", "\t", "user_id:token\titem_id:token\n"), ("{}.csv", ",", "user,item\n")]),
)
def test_three_parts_are_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, content: dict[tuple[int, int], int], form: tuple[str, str, str]
) -> None:
    name, separator, header = form
    folder = tmp_path_factory.mktemp("split")
    written = [{pair for pair, part in content.items() if part == k} for k in range(3)]
    for word, rows in zip(("train", "valid", "test"), written, strict=True):
        lines = "".join(f"{user}{separator}{item}\n" for user, item in sorted(rows))
        (folder / name.format(word)).write_text(header + lines)
    data = read_interactions(folder)
    assert parts(data) == written
    assert pairs(data, data.interactions) == set(content)


def test_a_history_without_timestamps_is_train_then_validation_then_test(tmp_path: Path) -> None:
    for word, item in (("train", 9), ("valid", 7), ("test", 8)):
        (tmp_path / f"{word}.csv").write_text(f"user,item\n1,{item}\n2,{item - 3}\n")
    data = read_interactions(tmp_path)
    assert [data.item_ids[items].tolist() for items in data.interactions.histories] == [[9, 7, 8], [6, 4, 5]]


def test_clicks_of_one_second_are_in_the_order_of_the_parts(tmp_path: Path) -> None:
    for word, item in (("train", 9), ("test", 8)):
        (tmp_path / f"{word}.csv").write_text(f"user,item,time\n1,{item},100\n2,{item},100\n")
    data = read_interactions(tmp_path)
    assert [data.item_ids[items].tolist() for items in data.interactions.histories] == [[9, 8], [9, 8]]


def test_the_parts_of_recbole_share_ids_ratings_and_catalogue(tmp_path: Path) -> None:
    header = "user_id:token\titem_id:token\trating:float\n"
    (tmp_path / "toy.train.inter").write_text(header + "1\t10\t3\n2\t20\t4\n2\t30\t1\n")
    (tmp_path / "toy.test.inter").write_text("rating:float\tuser_id:token\titem_id:token\n" + "5\t1\t30\n")
    (tmp_path / "toy.item").write_text("item_id:token\ttitle:token_seq\n30\tThirty\n10\tTen\n")
    data = read_interactions(tmp_path)
    assert data.catalog.titles == ("Ten", "", "Thirty")
    assert parts(data) == [{(1, 10), (2, 20), (2, 30)}, set(), {(1, 30)}]
    assert data.published.test.ratings.tolist() == [5]
    assert data.published.train.n_items == data.interactions.n_items == 3


def test_a_folder_of_lightgcn_has_lists_and_matrices_beside_its_parts(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("0 1 2 3 4\n1 2 3\n2 4\n")
    (tmp_path / "test.txt").write_text("0 5\n1 4\n2 1\n")
    (tmp_path / "user_list.txt").write_text("org_id remap_id\n343 0\n5258 1\n12 2\n")
    (tmp_path / "s_pre_adj_mat.npz").write_bytes(b"PK\x03\x04")
    data = read_interactions(tmp_path)
    assert parts(data)[0] == {(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (2, 4)}
    assert parts(data)[2] == {(0, 5), (1, 4), (2, 1)}


def test_a_row_in_two_parts_is_a_leak(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("user,item\n1,1\n2,1\n")
    (tmp_path / "test.csv").write_text("user,item\n1,1\n")
    with pytest.raises(DataError, match=r"1 rows repeat a \(user, item\) pair"):
        read_interactions(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train.csv": "user,item\n1,1\n", "test.csv": "user,item,rating\n1,2,3\n"}, "columns of .* are not the same"),
        ({"train.csv": "user,item\n1,1\n", "test.csv": "a", "other.csv": "b"}, "holds 3 tables"),
        ({"train.csv": "a", "valid.csv": "b"}, "holds 2 tables"),
        ({"a.train.csv": "a", "b.train.csv": "b", "a.test.csv": "c"}, "holds a part twice"),
    ],
)
def test_a_folder_that_is_no_split_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_interactions(tmp_path)


@pytest.fixture
def adressa(mirror: Path, tmp_path: Path) -> Data:
    """MACR's split of Adressa, which has files of other forms beside it."""
    for name in ("train.txt", "test.txt"):
        shutil.copyfile(mirror / "adressa-macr" / name, tmp_path / name)
    return read_interactions(tmp_path)


def test_validation_is_drawn_from_the_published_training_rows(adressa: Data) -> None:
    split = published_split(adressa.interactions, adressa.published, seed=3)
    assert split.test.digest == adressa.published.test.digest
    assert len(split.test) == 2976
    assert len(split.train) + len(split.validation) == 113_345
    given = np.floor(adressa.published.train.user_counts * 0.1 + 0.5)
    np.testing.assert_array_equal(split.validation.user_counts, given)
    again = published_split(adressa.interactions, adressa.published, seed=4)
    assert again.test.digest == split.test.digest
    assert again.validation.digest != split.validation.digest


def test_without_a_share_for_validation_the_split_is_the_published_one(adressa: Data) -> None:
    split = published_split(adressa.interactions, adressa.published, seed=3, validation=0.0)
    assert split.train.digest == adressa.published.train.digest
    assert len(split.validation) == 0


def test_what_binarizing_took_is_in_no_part() -> None:
    whole = Interactions(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2]), 2, 3)
    rows = [whole.select(np.isin(np.arange(4), chosen)) for chosen in ([0, 1], [3], [2])]
    published = Split(*rows)
    kept = whole.select(whole.items != 1)
    split = published_split(kept, published, seed=0)
    assert (len(split.train), len(split.validation), len(split.test)) == (1, 1, 1)
