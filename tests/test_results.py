"""`Results`: the records of a run as a table."""

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest
from planted_suite import InThisProcess, open_shop, suite

import recbench
from recbench.errors import DataError
from recbench.results import ABOUT, Results
from recbench.store import Store


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two variants of a recommender and one that breaks, clean and attacked, with and without two defenses."""
    folder = tmp_path_factory.mktemp("shop")
    open_shop(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("recbench.matrix.run.LocalExecutor", InThisProcess)
        name = suite(["Popular[weight=1.0|2.0]", "Breaks"], ["Fills"], ["KeepsAll", "NeedsSequence"])
        return folder / recbench.run(name, jobs=1).folder


@pytest.fixture
def results(ran, tmp_path) -> Results:
    """Of a copy, to be changed at will."""
    return Results.read(shutil.copytree(ran, tmp_path / "run"))


def test_every_cell_is_a_row_whatever_became_of_it(results):
    frame = results.to_pandas()
    assert len(frame) == len(results) == 3 * (2 * 3 + 1)
    assert tuple(frame.columns) == (*ABOUT, *results.metrics)
    assert dict(frame.status.value_counts()) == {"ok": 10, "skipped": 6, "error": 5}
    assert set(frame[frame.status == "error"].stage) == {"fit"}
    assert set(frame[frame.status == "error"].reason) == {"RuntimeError: the planted failure"}


def test_a_row_has_the_numbers_of_its_record(results):
    frame = results.to_pandas().set_index("cell_id")
    for record in Store(results.folder).records():
        row = frame.loc[record["cell_id"]]
        assert (row["size"], row["seed"], row["group"]) == tuple(
            record["question"][name] for name in ("size", "seed", "group")
        )
        assert {name: row[name] for name in results.metrics if not math.isnan(row[name])} == record["metrics"]
        seconds = sum(cost["wall_seconds"] for cost in record["cost"].values())
        assert row["seconds"] == seconds if record["cost"] else math.isnan(row["seconds"])
        assert json.loads(row["recommender_params"]) == record["question"]["recommender"]["params"]


def test_variants_of_a_component_are_told_apart(results):
    frame = results.to_pandas()
    assert set(frame.recommender) == {"popular[weight=1.0]", "popular[weight=2.0]", "breaks"}
    assert set(frame.dataset) == {"shop"}
    assert set(frame.defense) == {"none", "keeps-all", "needs-sequence"}


def test_a_variant_keeps_its_name_when_the_others_are_filtered_out(results):
    frame = results.filter(recommender="popular[weight=2.0]").to_pandas()
    assert set(frame.recommender) == {"popular[weight=2.0]"}


@pytest.mark.parametrize(
    ("axes", "count"),
    [
        ({"recommender": "popular"}, 14),
        ({"recommender": "pop*"}, 14),
        ({"recommender": "popular[weight=1.0]"}, 7),
        ({"recommender": ["popular[weight=1*", "breaks"]}, 14),
        ({"attacker": "fills"}, 9),
        ({"defense": "none", "attacker": "none"}, 6),
        ({"dataset": "shop", "status": "ok"}, 10),
        ({"status": ["error", "skip*"]}, 11),
        ({"status": "timeout"}, 0),
        ({}, 21),
    ],
    ids=str,
)
def test_cells_are_filtered_by_names_and_globs(results, axes, count):
    assert len(results.filter(**axes)) == count


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"recommender": "populr"}, "no recommender of this run is called 'populr'; did you mean 'popular"),
        ({"attacker": "z*"}, "no attacker of this run is called 'z\\*'; known: fills, none"),
        ({"status": "eror"}, "no status of this run is called 'eror'; did you mean 'error'"),
    ],
    ids=str,
)
def test_a_pattern_without_a_match_names_the_nearest(results, axes, words):
    with pytest.raises(DataError, match=words):
        results.filter(**axes)


def test_a_cell_that_is_not_computed_yet_is_a_row(results):
    first = results.cells[0]["cell_id"]
    (results.folder / "cells" / f"{first}.json").unlink()
    found = Results.read(results.folder)
    assert len(found) == len(results)
    assert [cell["cell_id"] for cell in found.filter(status="missing").cells] == [first]
    assert len(found.records) == len(results) - 1


def test_a_cell_of_another_build_is_marked(results):
    store = Store(results.folder)
    record = store.read_record(results.cells[0]["cell_id"])
    store.write_record(record | {"build_id": "another"})
    assert Results.read(results.folder).to_pandas().stale.tolist() == [True] + [False] * (len(results) - 1)


def test_every_format_gives_back_the_rows(results, tmp_path):
    frame = results.to_pandas()
    for suffix in ("parquet", "csv", "jsonl"):
        results.write(tmp_path / f"cells.{suffix}")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "cells.parquet"), frame)
    numbers = results.metrics
    csv = pd.read_csv(tmp_path / "cells.csv")
    pd.testing.assert_frame_equal(csv[numbers], frame[numbers])
    lines = [json.loads(line) for line in (tmp_path / "cells.jsonl").read_text().splitlines()]
    assert lines == results.rows()


def test_only_the_chosen_metrics_are_written(results, tmp_path):
    chosen = results.metrics_matching(["rbo", "ndcg@*"])
    assert chosen[0] == "rbo"
    assert "ndcg@10" in chosen
    results.write(tmp_path / "few.parquet", chosen)
    assert list(pd.read_parquet(tmp_path / "few.parquet").columns) == [*ABOUT, *chosen]
    with pytest.raises(DataError, match=r"no metric of this run is called 'ndgc@10'; did you mean 'ndcg@10'\?"):
        results.metrics_matching(["ndgc@10"])


def test_another_suffix_and_a_place_that_cannot_be_written_to_are_refused(results, tmp_path):
    with pytest.raises(DataError, match=r"cannot tell the format from '\.xls'; one of \.parquet, \.csv, \.jsonl"):
        results.write(tmp_path / "cells.xls")
    with pytest.raises(DataError, match="cannot be written"):
        results.write(results.folder / "plan.json" / "cells.csv")


def test_a_notebook_shows_a_table_that_cannot_inject_markup(results):
    store = Store(results.folder)
    record = store.read_record(results.cells[0]["cell_id"])
    store.write_record(record | {"status": "error", "reason": "<script>alert(1)</script>"})
    shown = Results.read(results.folder)._repr_html_()
    assert "21 cells" in shown
    assert "<table" in shown
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (None, "holds no readable plan.json"),
        ("[]", "holds no readable plan.json"),
        ('{"suite": {}}', "holds no suite of this version"),
        ('{"suite": {}, "cells": [{"cell_id": "aa"}]}', "holds no suite of this version"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, plan: str | None, words: str):
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(DataError, match=words):
        Results.read(tmp_path)


def test_a_run_without_metrics_is_a_table_too(shop, quick_executor):
    results = recbench.run(suite(["Breaks"], [], []), jobs=1)
    assert results.metrics == []
    with pytest.raises(DataError, match="no metric of this run is called 'rbo'; it has none yet"):
        results.metrics_matching(["rbo"])
    assert len(results.to_pandas()) == 2
    assert repr(results) == "<Results of runs/mine: 2 cells, 2 error>"
