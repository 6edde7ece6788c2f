"""Tables larger than one of the blocks in which they are read."""

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recbench.data.readers import read_interactions
from recbench.data.readers.tables import parse
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
