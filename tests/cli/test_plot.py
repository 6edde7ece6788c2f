import json
from pathlib import Path

import pytest

from recbench.cli import main
from recbench.leaderboard import write_tables
from recbench.store import Store

from .two_cells import CELLS, SUITE


@pytest.fixture
def run(tmp_path: Path) -> Path:
    store = Store(tmp_path / "run")
    store.write_document("plan.json", {"suite": SUITE.model_dump(mode="json"), "cells": CELLS})
    for one in CELLS:
        store.write_record(one)
    return store.root


def test_the_figures_of_a_run_are_drawn(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(run)]) == 0
    assert f"2 figures are in {run / 'figures'}" in capsys.readouterr().out
    drawn = sorted((run / "figures").iterdir())
    assert [path.name for path in drawn] == ["attackers-victims-d-3pct.png", "utility-robustness-d-3pct.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_published_tables_are_enough_to_draw_from(run: Path, tmp_path: Path) -> None:
    write_tables(CELLS, SUITE, tmp_path / "tables")
    for source, out in ((run, "a"), (tmp_path / "tables", "b")):
        assert main(["plot", str(source), "--format", "svg", "--out", str(tmp_path / out)]) == 0
    drawn = sorted((tmp_path / "a").iterdir())
    assert len(drawn) == 2
    for path in drawn:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_folder_of_neither_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(tmp_path)]) == 2
    assert "neither a run nor tables" in capsys.readouterr().err


def test_a_run_of_failures_has_nothing_to_draw(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for one in CELLS:
        Store(run).write_record(json.loads(json.dumps(one | {"status": "error", "metrics": {}})))
    assert main(["plot", str(run)]) == 2
    assert "nothing to draw" in capsys.readouterr().err
