import pytest
from hand_made import clean, each_seed, failed, knowing, suite

from recbench.errors import DataError
from recbench.leaderboard import write_tables
from recbench.leaderboard.published import read_published
from recbench.matrix.identity import cell_id

MACHINE = {"processor": "Abacus", "cores": 2, "device": "cpu", "threads": 1}
RECORDS = [
    one | {"machine": MACHINE}
    for one in (
        *clean("A", [0.40, 0.42], fit=[1.0, 1.25], params={"dim": 8, "rates": [0.5]}),
        *knowing(each_seed("A", "p", gain=[1.0, 0.1], craft=[1.0, 2.0]), "interactions"),
        *failed(each_seed("B", "p", gain=[0.0]), status="error", stage="fit", reason="ValueError: no"),
    )
]


def test_tables_can_be_made_anew_from_what_was_published(tmp_path):
    text = write_tables(RECORDS, suite(), tmp_path / "first")
    found, records = read_published(tmp_path / "first")
    assert found == suite()
    assert all(cell_id(record["question"]) == record["cell_id"] for record in records)
    assert write_tables(records, found, tmp_path / "second") == text
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cells.parquet", None, "there is no "),
        ("suite.json", None, "neither a run nor tables"),
        ("cells.parquet", b"PAR1 not quite", "no table that this recbench reads"),
        ("suite.json", b'{"name": 3}', "no table that this recbench reads"),
        ("suite.json", b"\xff", "no table that this recbench reads"),
    ],
)
def test_what_is_no_folder_of_tables_is_refused(tmp_path, name, content, message):
    write_tables(RECORDS, suite(), tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_published(tmp_path)
