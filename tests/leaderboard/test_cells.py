import csv
import io

import pyarrow.parquet as pq
from hand_made import clean, each_seed, failed

from recbench.leaderboard.cells import cells_csv, cells_parquet

RECORDS = [
    *clean("A", [0.40, 0.42], fit=[1.0, 1.25]),
    *each_seed("A", "p", gain=[1.0, 0.1], craft=[1.0, 2.0], params={"dim": 8}),
    *failed(each_seed("B", "p", gain=[0.0]), status="error", stage="fit", reason="ValueError: no"),
]


def parquet(records):
    return pq.read_table(io.BytesIO(cells_parquet(records)))


def test_a_parquet_file_has_the_columns_and_the_values_of_the_csv():
    table = parquet(RECORDS)
    rows = list(csv.DictReader(io.StringIO(cells_csv(RECORDS))))
    assert table.column_names == list(rows[0])
    for typed, written in zip(table.to_pylist(), rows, strict=True):
        assert {name: "n/a" if value is None else str(value) for name, value in typed.items()} == {
            name: repr(float(text)) if name.startswith(("metrics.", "cost.")) and text != "n/a" else text
            for name, text in written.items()
        }


def test_columns_are_typed_and_what_is_absent_is_null():
    table = parquet(RECORDS)
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["metrics.rank-gain"] == types["cost.fit.cpu_seconds"] == types["size"] == "double"
    assert types["seed"] == types["group"] == "int64"
    assert types["status"].startswith("dictionary<values=string")
    assert table["metrics.rank-gain"].to_pylist()[-1] is None
    assert table["recommender.params"].to_pylist() == ["{}", "{}", '{"dim": 8}', '{"dim": 8}', "{}"]


def test_a_column_without_any_value_can_be_written():
    records = [one | {"question": one["question"] | {"kcore": None}} for one in RECORDS]
    assert parquet(records)["kcore"].null_count == len(RECORDS)


def test_repeated_words_cost_next_to_nothing():
    many = [one | {"build_id": "x" * 20, "reason": "needs ratings " * 20} for one in RECORDS * 400]
    assert len(cells_parquet(many)) < len(cells_csv(many)) / 20
