"""Files with one line a user, and what tells them from tables."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.data.dataset import Data
from recbench.data.readers import read_interactions
from recbench.errors import DataError

LISTS = {3: [7, 2, 9, 4, 1], 1: [5], 2: [9, 5]}
ADJACENCY = "".join(f"{user} {' '.join(map(str, items))}\n" for user, items in LISTS.items())


def lists(data: Data) -> dict[object, list[object]]:
    """Every user's items in the order of the file."""
    histories = data.interactions.histories
    return {user: data.item_ids[histories[k]].tolist() for k, user in enumerate(data.user_ids.tolist())}


def write(path: Path, content: dict[int, list[int]]) -> Path:
    path.write_text("".join(" ".join(map(str, [user, *items])) + "\n" for user, items in content.items()))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\n\n"])
def test_one_line_a_user_is_recognized_and_keeps_its_order(tmp_path: Path, end: str) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(ADJACENCY.replace("\n", end).encode()))
    data = read_interactions(tmp_path / "a")
    assert lists(data) == LISTS
    assert data.interactions.ratings is None
    assert data.interactions.timestamps is None


def test_a_user_without_an_item_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(ADJACENCY + "8\n")
    assert lists(read_interactions(tmp_path / "a")) == LISTS


@pytest.mark.parametrize(
    "content",
    [
        {1: [10, 4], 2: [10, 5]},  # triples with one rating a user, or two items a user
        {1: [10, 4, 99], 2: [10, 5, 98]},
        {1: [10, 4], 2: [10]},  # a broken line, or lists of one and two items
        {1: [2, 3, 4, 5, 6], 2: [2, 3, 4, 5, 6]},  # a wide table with a running number, or lists of one length
        {1: [2, 3, 4, 5, 6], 2: [2, 3, 4, 5, 6], 3: [2]},  # such a table, cut off
    ],
)
def test_what_may_be_either_is_refused_until_it_is_said(tmp_path: Path, content: dict[int, list[int]]) -> None:
    path = write(tmp_path / "a", content)
    with pytest.raises(DataError, match=r"may be a table or one line a user.*form='sequences'") as caught:
        read_interactions(path)
    assert str(caught.value).startswith(str(path))
    assert lists(read_interactions(path, form="sequences")) == content


def test_a_table_that_was_called_one_is_read_as_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a", {1: [10, 4], 2: [10, 5]})
    kept = read_interactions(path, form="table").interactions
    assert kept.ratings.tolist() == [4, 5]
    (tmp_path / "b").write_text("user_id item_id rating\n" + path.read_text())
    assert read_interactions(tmp_path / "b").interactions.digest == kept.digest


def test_a_file_of_one_line_without_an_end_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1 2 3")
    with pytest.raises(DataError, match="may be a table or one line a user"):
        read_interactions(tmp_path / "a")


def test_two_lines_of_one_user_are_no_sequences(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(ADJACENCY + "3 8\n")
    with pytest.raises(DataError, match=r"has no header and 6 columns"):
        read_interactions(tmp_path / "a")
    with pytest.raises(DataError, match=r"4 lines begin with 3 users; each needs a line of its own"):
        read_interactions(tmp_path / "a", form="sequences")


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.integers(0, 10**6), st.lists(st.integers(0, 50), min_size=1, max_size=9, unique=True), min_size=2, max_size=9
    )
)
def test_sequences_are_read_back_as_written_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: dict[int, list[int]]
) -> None:
    path = write(tmp_path_factory.mktemp("lists") / "a", content)
    assert lists(read_interactions(path, form="sequences")) == content
    if (data := read_unless_ambiguous(path)) is not None:
        assert lists(data) == content


def read_unless_ambiguous(path: Path) -> Data | None:
    """The data, or None where the reader asks which of the two forms it is."""
    try:
        return read_interactions(path)
    except DataError as error:
        if "may be a table or one line a user" not in str(error):
            raise
        return None


triples = st.dictionaries(
    st.tuples(st.integers(0, 9), st.integers(0, 30)), st.integers(1, 5), min_size=2, max_size=20
).filter(lambda ratings: len({user for user, _ in ratings}) > 1)


@settings(deadline=None, max_examples=60)
@given(triples, st.booleans())
def test_triples_are_read_back_as_written_or_refused(
    tmp_path_factory: pytest.TempPathFactory, ratings: dict[tuple[int, int], int], halves: bool
) -> None:
    shift = 0.5 if halves else 0
    path = tmp_path_factory.mktemp("triples") / "a"
    path.write_text("".join(f"{user} {item} {rating + shift}\n" for (user, item), rating in ratings.items()))
    if (data := read_unless_ambiguous(path)) is None:
        assert len({user for user, _ in ratings}) == len(ratings)
        data = read_interactions(path, form="table")
    kept = data.interactions
    pairs = zip(data.user_ids[kept.users].tolist(), data.item_ids[kept.items].tolist(), strict=True)
    assert dict(zip(pairs, kept.ratings.tolist(), strict=True)) == {
        pair: rating + shift for pair, rating in ratings.items()
    }


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9)), min_size=2, unique=True))
def test_pairs_in_time_order_are_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, int]]
) -> None:
    """SASRec's `user item` lines, which read the same either way."""
    path = tmp_path_factory.mktemp("pairs") / "a"
    path.write_text("".join(f"{user} {item}\n" for user, item in pairs))
    expected = {user: [item for owner, item in pairs if owner == user] for user, _ in pairs}
    if len(expected) < 2:
        with pytest.raises(DataError, match="has one user"):
            read_interactions(path)
    else:
        assert lists(read_interactions(path)) == expected


def test_a_history_and_its_target_become_one_sequence(tmp_path: Path) -> None:
    (tmp_path / "a.inter").write_text("user_id:token\titem_id_list:token_seq\titem_id:token\nu\ta b\tc\nv\tb\ta\n")
    assert lists(read_interactions(tmp_path)) == {"u": ["a", "b", "c"], "v": ["b", "a"]}
    (tmp_path / "a.inter").write_text("user_id:token\titem_id_list:token_seq\titem_id:token\nu\ta\tb\nu\ta b\tc\n")
    with pytest.raises(DataError, match="2 rows of histories belong to 1 users, so they repeat each other"):
        read_interactions(tmp_path)


def test_s3_rec_files_are_one_line_a_user_in_time_order(mirror: Path) -> None:
    path = mirror / "amazon-s3rec" / "Beauty.txt"
    data = read_interactions(path)
    assert len(data.interactions) == 198_502
    lines = [list(map(int, line.split())) for line in path.read_text().splitlines()]
    assert lists(data) == {user: items for user, *items in lines}


def test_lightgcn_files_are_one_line_a_user(mirror: Path) -> None:
    data = read_interactions(mirror / "gowalla-lightgcn" / "test.txt")
    assert len(data.interactions) == 217_242
    assert np.array_equal(data.user_ids, np.arange(29_858))
