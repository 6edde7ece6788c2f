"""Files larger than one of the blocks in which they are read."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recbench.data.readers import read_interactions, tables
from recbench.data.readers.tables import parse, rewritten
from recbench.errors import DataError

ROWS = 120_000
BLOCK = 1 << 20


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Distinct pairs whose ids occur in every block, each time in another order."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(500 * 400)[:ROWS]
    return pd.DataFrame(
        {
            "user_id": [f"user {number}" for number in pairs // 400],
            "item_id": pairs % 400 * 7,
            "rating": rng.integers(1, 11, ROWS) / 2,
            "timestamp": rng.integers(10**9, 2 * 10**9, ROWS),
        }
    )


class Watched(io.BytesIO):
    """A file that remembers how much of it was asked for at a time."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.asked: list[int] = []

    def read(self, size: int | None = -1) -> bytes:
        self.asked.append(len(self.getbuffer()) if size is None or size < 0 else size)
        return super().read(size)


def test_no_more_than_a_block_of_a_stream_is_asked_for(rows: pd.DataFrame) -> None:
    text = rows.to_csv(index=False).encode()
    assert len(text) > 3 * BLOCK
    file = Watched(text)
    table = parse(file, Path("mine.csv"), list(rows.columns), ",", header=True, repeating=["user_id", "item_id"])
    assert max(file.asked) <= BLOCK
    assert len(table) == ROWS
    assert table["user_id"].to_pylist() == rows["user_id"].tolist()
    assert table["timestamp"].to_pylist() == rows["timestamp"].astype(str).tolist()


@pytest.mark.parametrize("packed", [False, True])
def test_ids_and_values_are_those_of_the_rows_whatever_block_they_are_in(
    rows: pd.DataFrame, packed: bool, tmp_path: Path
) -> None:
    text = rows.to_csv(index=False, sep="\t").encode()
    path = tmp_path / "mine"
    path.write_bytes(gzip.compress(text, 1) if packed else text)
    data = read_interactions(path)
    read = pd.DataFrame(
        {
            "user_id": data.user_ids[data.interactions.users],
            "item_id": data.item_ids[data.interactions.items],
            "rating": data.interactions.ratings.astype(float),
            "timestamp": data.interactions.timestamps,
        }
    )
    assert data.user_ids.tolist() == sorted(rows["user_id"].unique())
    pd.testing.assert_frame_equal(
        *(frame.sort_values(["user_id", "item_id"], ignore_index=True) for frame in (read, rows))
    )


def test_a_bad_value_far_down_is_named_by_its_row(rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows.assign(rating=rows["rating"].astype(str).where(rows.index != ROWS - 2, " good ")).to_csv(path, index=False)
    with pytest.raises(DataError, match=f"data row {ROWS - 1} has the rating 'good'"):
        read_interactions(path)


def test_a_stream_is_rewritten_by_whole_lines_of_no_more_than_a_block_and_a_line() -> None:
    lines = [b"%d::%s\n" % (number, b"x" * (number % 700)) for number in range(12_000)]
    file, given = Watched(b"".join(lines) + b"last"), []

    def rewrite(block: bytes) -> bytes:
        given.append(block)
        return block.replace(b"::", b":")

    assert rewritten(file, rewrite).read() == file.getvalue().replace(b"::", b":")
    assert max(file.asked) <= BLOCK
    assert len(given) > 3
    assert all(block.endswith(b"\n") and len(block) < BLOCK + 710 for block in given[:-1])


def json_lines(rows: pd.DataFrame) -> str:
    return str(rows.assign(text="never looked at").to_json(orient="records", lines=True))


def aligned(rows: pd.DataFrame) -> str:
    return str(rows.assign(user_id=rows["user_id"].str.replace(" ", "-")).to_string(index=False, header=False))


def double_colons(rows: pd.DataFrame) -> str:
    return str(rows.to_csv(index=False, header=False, sep="\t").replace("\t", "::"))


def one_line_a_user(rows: pd.DataFrame) -> str:
    lists = rows.groupby(rows["user_id"].str[5:], sort=False)["item_id"].agg(lambda items: " ".join(map(str, items)))
    return "".join(f"{user} {items}\n" for user, items in lists.items())


@pytest.mark.parametrize("write", [json_lines, aligned, double_colons, one_line_a_user])
def test_the_size_of_the_blocks_changes_nothing(
    rows: pd.DataFrame, write: Callable[[pd.DataFrame], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text(write(rows[:2000]))
    whole = read_interactions(tmp_path / "mine")
    monkeypatch.setattr(tables, "BLOCK", 1000)
    assert (tmp_path / "mine").stat().st_size > 10 * tables.BLOCK
    blockwise = read_interactions(tmp_path / "mine")
    assert blockwise.interactions.digest == whole.interactions.digest
    assert blockwise.user_ids.tolist() == whole.user_ids.tolist()
    assert blockwise.item_ids.tolist() == whole.item_ids.tolist()
    assert len(blockwise.interactions) == 2000


@pytest.mark.parametrize(
    "late",
    [
        '"time": "yesterday", "stars": 1',  # a text among dates
        '"time": "2020-01-02", "stars": 0.5',  # a fraction among whole numbers
        '"time": "2020-01-02", "overall": 3, "stars": 2',  # a column of another name that comes late
        '"time": "2020-01-02"',  # none at all
        '"time": "2020-01-02", "stars": "many"',  # what no column of JSON may mix
        '"time": null, "stars": 1',
    ],
)
def test_a_late_change_of_a_json_column_reads_as_it_does_in_one_block(
    late: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = [f'{{"user": "u{k % 7}", "item": {k}, "time": "2020-01-01", "stars": {k % 5}}}' for k in range(200)]
    (tmp_path / "a").write_text("\n".join([*early, f'{{"user": "u1", "item": 999, {late}}}']))

    def read() -> tuple[str, ...]:
        try:
            data = read_interactions(tmp_path / "a")
        except DataError as error:
            return (str(error),)
        return (data.interactions.digest, *map(str, data.user_ids), *map(str, data.item_ids))

    whole = read()
    monkeypatch.setattr(tables, "BLOCK", 1000)
    assert read() == whole


def test_a_missing_id_far_down_in_json_is_named_by_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BLOCK", 1000)
    records = [f'{{"user": "u{k}", "item": "i{k}"}}' for k in range(200)]
    (tmp_path / "a").write_text("\n".join([*records, '{"user": null, "item": "i1"}']))
    with pytest.raises(DataError, match="data row 201 has no user id"):
        read_interactions(tmp_path / "a")
