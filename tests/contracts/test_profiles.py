"""Profiles: every violation of the budget is caught, and a poison file holds data and nothing else."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.contracts import Budget, BudgetViolation, Profiles, RatingScale
from recbench.errors import DataError

IMPLICIT = Budget(np.array([3, 2]), 10)
EXPLICIT = Budget(np.array([3, 2]), 10, RatingScale(1, 5, 0.5))


def test_profiles_up_to_the_budget_pass() -> None:
    Profiles(np.array([0, 3, 5]), np.array([0, 9, 4, 9, 0])).check(IMPLICIT)
    Profiles(np.array([0, 1]), np.array([2])).check(IMPLICIT)
    Profiles.empty().check(IMPLICIT)
    Profiles(np.array([0, 3, 5]), np.array([0, 9, 4, 9, 0]), np.array([1, 5, 2.5, 4, 3])).check(EXPLICIT)


@pytest.mark.parametrize(
    ("indptr", "items", "message"),
    [
        ([0, 1, 2, 3], [1, 2, 3], "3 profiles; the budget is 2"),
        ([0, 2, 2], [1, 2], "profile 1 is empty"),
        ([0, 4], [1, 2, 3, 4], "profile 0 holds 4 items; the budget is 3, targets counted"),
        ([0, 1, 4], [1, 2, 3, 4], "profile 1 holds 3 items; the budget is 2"),
        ([0, 2], [1, 10], "item ids reach from 1 to 10; the catalogue has 10"),
        ([0, 2], [-1, 5], "item ids reach from -1"),
        ([0, 3], [1, 2, 1], "a profile holds an item twice"),
        ([0, 2], [1, 2, 3], "indptr does not describe items"),
        ([1, 3], [1, 2, 3], "indptr does not describe items"),
        ([0, 3, 2], [1, 2], "is empty"),
        ([[0, 2]], [1, 2], "indptr does not describe items"),
        ([0, 1], [[1, 2]], "indptr does not describe items"),
    ],
)
def test_every_violation_of_the_implicit_budget_is_caught(indptr: list[int], items: list[int], message: str) -> None:
    with pytest.raises(BudgetViolation, match=message):
        Profiles(np.array(indptr), np.array(items)).check(IMPLICIT)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (None, "no ratings given"),
        ([5, 5.5], "rating 5.5 is not on the scale 1..5 by 0.5"),
        ([0.5, 5], "rating 0.5 is not on the scale"),
        ([4.3, 5], r"rating 4.3 is not on the scale"),
        ([np.nan, 5], "must be finite"),
        ([np.inf, 5], "must be finite"),
        ([5], "one an item"),
    ],
)
def test_every_violation_of_the_explicit_budget_is_caught(ratings: list[float] | None, message: str) -> None:
    given = None if ratings is None else np.array(ratings, dtype=np.float32)
    with pytest.raises(BudgetViolation, match=message):
        Profiles(np.array([0, 2]), np.array([1, 2]), given).check(EXPLICIT)


def test_ratings_on_an_implicit_track_are_a_violation() -> None:
    with pytest.raises(BudgetViolation, match="this track is implicit"):
        Profiles(np.array([0, 1]), np.array([1]), np.array([5.0])).check(IMPLICIT)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (np.array([1.7, 2.0]), "items is float64; expected integers"),
        (np.array([1, 2**32 + 2]), "beyond int32"),
        (np.array([True, False]), "expected integers"),
    ],
)
def test_what_is_no_item_id_is_refused_and_never_cast_into_one(items: np.ndarray, message: str) -> None:
    with pytest.raises(BudgetViolation, match=message):
        Profiles(np.array([0, 2]), items)
    with pytest.raises(BudgetViolation, match=message):
        Profiles.from_pairs(np.array([0, 0]), items, 1)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_pairs_keep_their_order_within_a_profile(data: st.DataObject) -> None:
    m = data.draw(st.integers(1, 5))
    pairs = data.draw(st.lists(st.tuples(st.integers(0, m - 1), st.integers(0, 50)), min_size=1, unique=True))
    rows, items = np.array(pairs).T
    profiles = Profiles.from_pairs(rows, items, m, items / 2)
    assert len(profiles) == m
    assert profiles.ratings is not None
    for k in range(m):
        assert profiles.histories[k].tolist() == [item for row, item in pairs if row == k]
    assert np.array_equal(profiles.ratings * 2, profiles.items)


def test_a_boolean_matrix_reads_its_ratings_where_it_is_true() -> None:
    chosen = np.array([[True, False, True], [False, True, False]])
    profiles = Profiles.from_dense(chosen, np.array([[1, 2, 3], [4, 5, 6]]))
    assert profiles.ratings is not None
    assert (profiles.indptr.tolist(), profiles.items.tolist()) == ([0, 2, 3], [0, 2, 1])
    assert profiles.ratings.tolist() == [1, 3, 5]


@pytest.mark.parametrize("name", ["poison.npz", "poison", "poison.file"])
@pytest.mark.parametrize("ratings", [None, np.array([1, 2.5, 5], dtype=np.float32)], ids=["implicit", "explicit"])
def test_a_poison_file_reads_back_as_it_was_written_under_its_own_name(
    tmp_path: Path, name: str, ratings: np.ndarray | None
) -> None:
    profiles = Profiles(np.array([0, 1, 3]), np.array([4, 7, 2]), ratings)
    profiles.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    back = Profiles.load(tmp_path / name)
    assert np.array_equal(back.indptr, profiles.indptr)
    assert np.array_equal(back.items, profiles.items)
    assert (back.ratings is None) if ratings is None else np.array_equal(back.ratings, ratings)
    again = tmp_path / "again.npz"
    profiles.save(again)
    assert again.read_bytes() == (tmp_path / name).read_bytes()


class _Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("exploded"),)


def _npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _damaged() -> bytes:
    """A poison file with bytes flipped inside the compressed data of a member."""
    whole = bytearray(_npz(indptr=np.array([0, 900]), items=np.random.default_rng(0).integers(0, 10**6, 900)))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        member = archive.getinfo("items.npy")
    at = member.header_offset + 400
    whole[at : at + 200] = bytes(200)
    return bytes(whole)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an archive",
        _npz(indptr=np.array([0, 2]), items=np.array([1, 2]))[:60],
        _npz(indptr=np.array([0, 2])),
        _npz(indptr=np.array([0, 1]), items=np.array([1.5])),
        _npz(indptr=np.array([0, 1]), items=np.array([_Bomb()], dtype=object)),
        pickle.dumps(_Bomb()),
        _damaged(),
    ],
    ids=["empty", "text", "cut", "no-items", "floats", "objects", "pickle", "damaged"],
)
def test_what_is_no_poison_file_is_refused_with_its_name_and_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "profiles.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"profiles\.npz: not a poison file"):
        Profiles.load(path)
    assert not (tmp_path / "exploded").exists()


def test_an_array_file_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.arange(3))
    for name in ("array.npy", "missing.npz"):
        with pytest.raises(DataError, match="not a poison file"):
            Profiles.load(tmp_path / name)
