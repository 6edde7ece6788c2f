"""`recbench results`: what a run has found, on the terminal and in files."""

import csv
import os
from pathlib import Path

import pandas as pd
import pytest
from planted_suite import suite

import recbench
from recbench.cli import main


@pytest.fixture
def run(shop, quick_executor) -> Path:
    """The folder of a run in which one recommender breaks."""
    return recbench.run(suite(["Popular", "Breaks"], ["Fills"], []), jobs=1, seeds=2).folder


def test_the_latest_run_is_printed_with_what_all_cells_share_above(run, capsys):
    recbench.run("./mine.toml", out="runs/older", jobs=1, recommenders=["ease"])
    os.utime("runs/older/plan.json", (0, 0))
    capsys.readouterr()
    assert main(["results", "--recommender", "popular"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "dataset shop, recommender popular, defense none, group 0"
    assert lines[2].split() == ["attacker", "size", "seed", "replica", "status", "ndcg@10", "seconds"]
    assert lines[-1] == "6 of 12 cells of runs/mine"
    assert len([line for line in lines if " ok " in line]) == 6


def test_failures_are_printed_with_their_reason(run, capsys):
    assert main(["results", "--status", "error", "--attacker", "f*"]) == 0
    output = capsys.readouterr().out
    assert output.count("RuntimeError: the planted failure") == 2
    assert "2 of 12 cells" in output


def test_chosen_metrics_are_columns(run, capsys):
    assert main(["results", "runs/mine", "--metric", "recall@1*", "--metric", "rbo"]) == 0
    header = capsys.readouterr().out.splitlines()[2].split()
    assert [name for name in header if name in ("recall@10", "rbo", "ndcg@10")] == ["recall@10", "rbo"]


def test_nothing_that_matches_is_an_empty_table(run, capsys):
    assert main(["results", "--status", "timeout"]) == 0
    assert "0 of 12 cells" in capsys.readouterr().out


def test_a_file_holds_the_chosen_cells_with_all_metrics_or_the_chosen_ones(run, capsys):
    assert main(["results", "--recommender", "popular", "--to", "cells.parquet"]) == 0
    assert capsys.readouterr().out == "6 of 12 cells of runs/mine are in cells.parquet\n"
    frame = pd.read_parquet("cells.parquet")
    assert {"ndcg@10", "recall@20", "seconds"} < set(frame.columns)
    assert len(frame) == 6
    assert main(["results", "--metric", "ndcg@10", "--to", "cells.csv"]) == 0
    with Path("cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [name for name in rows[0] if "@" in name] == ["ndcg@10"]
    assert [row["ndcg@10"] for row in rows if row["recommender"] == "breaks"] == ["n/a"] * 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "nosuch holds no readable plan.json"),
        (["file.toml"], "file.toml holds no readable plan.json"),
        (["--metric", "ndgc@10"], "no metric of this run is called 'ndgc@10'; did you mean 'ndcg@10'?"),
        (["--recommender", "populr"], "no recommender of this run is called 'populr'; did you mean 'popular'?"),
        (["--status", "fail"], "no status of this run is called 'fail'; known: crashed, error"),
        (["--to", "cells.xlsx"], "one of .parquet, .csv, .jsonl"),
    ],
    ids=str,
)
def test_a_mistake_is_one_line(run, capfd, arguments, words):
    Path("file.toml").touch()
    capfd.readouterr()
    assert main(["results", *arguments]) == 2
    output, errors = capfd.readouterr()
    assert output == ""
    assert words in errors
    assert len(errors.splitlines()) == 1


def test_a_folder_without_runs_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["results"]) == 2
    assert "there is no run in" in capsys.readouterr().err
