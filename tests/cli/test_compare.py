import json
from pathlib import Path

import pytest

from recbench.cli import main
from recbench.leaderboard import write_tables
from recbench.store import Store

from .two_cells import CELLS, SUITE, cell

WORSE = [cell("none", 0.0), cell("p", 1.5)]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    write_tables(CELLS, SUITE, tmp_path / "tables")
    return tmp_path / "tables"


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """The folder of a run of the same suite in which the attack does more."""
    store = Store(tmp_path / "run")
    store.write_document("plan.json", {"suite": SUITE.model_dump(mode="json"), "cells": WORSE})
    for one in WORSE:
        store.write_record(one)
    return store.root


@pytest.mark.parametrize("name", ["", "cells.parquet", "cells.csv"])
def test_a_run_is_compared_with_tables_and_with_files_of_cells(
    tables: Path, worse: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tables / name), str(worse)]) == 1
    printed = capsys.readouterr().out
    assert "2 cells in common, 1 of them ok with the very same numbers." in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("worse"))
    assert line.split() == ["worse", "d,", "A,", "p", "3%", "gain", "1.000", "1.500", "+0.500", "n/a", "0.000", "1"]
    assert main(["compare", str(worse), str(tables / name)]) == 0
    assert "better" in capsys.readouterr().out


def test_nothing_changed_is_no_failure(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tables), str(tables / "cells.csv")]) == 0
    assert "0 of 3 numbers differ" in capsys.readouterr().out


def test_a_cell_that_is_no_longer_ok_comes_first(tables: Path, worse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(worse).write_record(WORSE[1] | {"status": "error", "reason": "boom\x1b[2J", "metrics": {}})
    assert main(["compare", str(tables), str(worse)]) == 1
    printed = capsys.readouterr().out
    assert "ok → error: boom [2J" in printed
    assert printed.index("STATUS") < printed.index("numbers differ")


def test_all_of_it_is_json_for_programs(tables: Path, worse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--json", str(tables), str(worse)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["worse"] is True
    (found,) = document["differences"]
    assert (found["place"], found["before"], found["after"], found["low"]) == ("d, A, p 3%", 1.0, 1.5, None)
    assert document["unrepeatable"][0]["seed"] == 0


def test_two_versions_of_a_suite_are_not_compared(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tables(CELLS, SUITE.model_copy(update={"version": "2"}), tmp_path / "newer")
    assert main(["compare", str(tables), str(tmp_path / "newer")]) == 2
    assert "'two' version 1 and 'two' version 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.csv", None, "neither a run nor tables"),
        ("a.csv", "cell_id,status\nx,ok\n", "no table that this recbench reads"),
        ("a.csv", "", "no table that this recbench reads"),
        ("a.parquet", "PAR1", "no table that this recbench reads"),
    ],
)
def test_what_is_no_table_of_cells_is_refused(
    tables: Path, tmp_path: Path, name: str, content: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert main(["compare", str(tables), str(tmp_path / name)]) == 2
    assert message in capsys.readouterr().err


def test_cells_that_have_nothing_in_common_are_refused(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tables([cell("q", 1.0)], SUITE, tmp_path / "others")
    assert main(["compare", str(tables), str(tmp_path / "others")]) == 2
    assert "no cell in common" in capsys.readouterr().err
