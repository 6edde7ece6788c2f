import csv
import json
from pathlib import Path

import pytest

from recbench.cli import main
from recbench.matrix.suite import Suite
from recbench.store import Store

SUITE = Suite(name="two", version="1", datasets=("d",), recommenders=("A",), seeds=1)


def cell(recommender: str) -> dict[str, object]:
    none = {"name": "none", "version": "1", "params": {}}
    question = {
        "dataset": "d",
        "data": {"version": "1", "params": {}},
        "seed": 0,
        "recommender": none | {"name": recommender},
        "attacker": none,
        "defense": none,
        "size": 0.0,
        "group": 0,
        "replica": 0,
    }
    return {"cell_id": f"cell-{recommender.lower()}", "build_id": "now", "question": question}


def outcome(ndcg: float) -> dict[str, object]:
    return {"status": "ok", "stage": "", "reason": "", "metrics": {"ndcg@10": ndcg}, "cost": {}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of two cells, with the record of a third that its plan does not have."""
    store = Store(tmp_path / "run")
    store.write_document("plan.json", {"suite": SUITE.model_dump(mode="json"), "cells": [cell("A"), cell("B")]})
    store.write_record(cell("A") | outcome(0.25))
    store.write_record(cell("C") | outcome(0.5))
    return store.root


def test_the_tables_of_a_run_are_made_of_its_plan(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", str(run)]) == 0
    printed = capsys.readouterr()
    assert "Suite two, version 1" in printed.out
    assert f"tables of 1 of 2 cells are in {run / 'tables'}" in printed.out
    assert printed.err == ""
    with (run / "tables" / "recommenders.csv").open(encoding="utf-8") as file:
        rows = [(row["recommender"], row["clean_ndcg_10"]) for row in csv.DictReader(file)]
    assert rows == [("A", "0.25"), ("B", "n/a")]  # B was asked for, and has no record yet


def test_the_tables_go_where_they_are_wanted(run: Path, tmp_path: Path) -> None:
    assert main(["board", str(run), "--out", str(tmp_path / "elsewhere")]) == 0
    assert (tmp_path / "elsewhere" / "README.md").is_file()
    assert not (run / "tables").exists()
    assert not (tmp_path / "elsewhere" / "environment.json").exists()


def test_the_environment_goes_with_the_tables(run: Path, tmp_path: Path) -> None:
    (run / "environment.json").write_text('{"python": "3"}')
    assert main(["board", str(run), "--out", str(tmp_path / "elsewhere")]) == 0
    assert (tmp_path / "elsewhere" / "environment.json").read_text() == '{"python": "3"}'


def test_cells_of_another_build_are_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(run).write_record(cell("A") | outcome(0.25) | {"build_id": "before"})
    assert main(["board", str(run)]) == 0
    assert "1 cells are of another build" in capsys.readouterr().err


def figures(path: Path, processor: str) -> Path:
    """A file as `recbench time` writes it, with one figure."""
    timing = {"task": "score", "component": "A", "device": "cpu", "verified": True, "amount": 256, "unit": "users"}
    timing |= {"p50": 0.004, "p95": 0.005, "n": 40, "cpu_seconds": 0.003, "batch": 256}
    timing |= dict.fromkeys(("host_peak_bytes", "host_growth_bytes", "device_allocated_bytes", "device_reserved_bytes"))
    machine = {"processor": processor, "cores": 2, "device": "cpu", "threads": 1, "protocol": {"users": 1000}}
    document = {"machine_info": {"recbench": machine}, "benchmarks": [{"extra_info": timing}]}
    path.write_text(json.dumps(document))
    return path


def test_what_was_timed_is_shown_too(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", str(run)]) == 0
    assert "64,000 users" not in capsys.readouterr().out
    figures(run / "throughput.json", "Abacus")
    assert main(["board", str(run), "--site"]) == 0
    printed = capsys.readouterr().out
    assert "64,000 users" in printed
    assert "on Abacus, 2 cores" in printed
    assert "64,000 users" in (run / "tables" / "site" / "data" / "boards.js").read_text(encoding="utf-8")
    others = [figures(tmp_path / f"{name}.json", name) for name in ("Loom", "Quipu")]
    assert main(["board", str(run), *(word for path in others for word in ("--throughput", str(path)))]) == 0
    printed = capsys.readouterr().out
    assert "on Abacus" not in printed
    assert "on Loom" in printed
    assert "on Quipu" in printed


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (None, "holds no readable plan.json"),
        ({"suite": {"name": "two"}, "cells": []}, "holds no suite of this version"),
        ({"suite": SUITE.model_dump(mode="json"), "cells": []}, "has no records yet"),
    ],
)
def test_a_folder_without_a_run_is_refused(
    run: Path, plan: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "plan.json").write_text("{" if plan is None else json.dumps(plan))
    assert main(["board", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error


def test_tables_that_cannot_be_written_are_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["board", str(run), "--out", str(tmp_path / "file" / "tables")]) == 2
    assert "name another --out" in capsys.readouterr().err


def test_published_tables_can_be_made_anew_and_a_site_cannot(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(run).write_record(cell("B") | outcome(0.2))
    published, again = run / "tables", run / "again"
    assert main(["board", str(run)]) == 0
    assert main(["board", str(published), "--out", str(again)]) == 0
    for path in published.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()
    assert main(["board", str(published), "--out", str(again), "--site"]) == 2
    assert "holds tables, not a run" in capsys.readouterr().err
