"""`recbench store`: damage is found, and only what nothing needs is removed."""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from planted_suite import InThisProcess, suite

import recbench
from recbench.cli import main
from recbench.store import Artifact, Store
from recbench.store.lock import hold


@pytest.fixture
def run(shop, quick_executor) -> Store:
    """A run in which one recommender breaks; a real executor would have written the log of the failure."""
    store = Store(recbench.run(suite(["Popular", "Breaks"], ["Fills"], ["KeepsAll"]), jobs=1).folder)
    (store.root / "logs").mkdir()
    (store.root / "logs" / "zygote.log").touch()
    for record in store.records():
        if record["status"] == "error":
            (store.root / "logs" / f"{record['cell_id']}.log").write_text("Traceback")
            store.write_record(record | {"log": f"logs/{record['cell_id']}.log"})
    return store


def content(store: Store) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in store.root.rglob("*") if path.is_file() and path.name != ".lock"}


def flip(path: Path) -> None:
    """Change the last bit but a few of a file."""
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def first(store: Store, status: str = "ok") -> dict:
    return next(record for record in store.records() if record["status"] == status)


def tamper(store: Store) -> Path:
    """Give a cell a better number than it has."""
    path = store.root / "cells" / f"{first(store)['cell_id']}.json"
    document = json.loads(path.read_text())
    document["metrics"]["ndcg@10"] += 0.1
    path.write_text(json.dumps(document))
    return path


def test_a_sound_run_is_whole_and_loses_nothing(run, capsys):
    before = content(run)
    assert main(["store", "check"]) == 0
    assert "all whole, all needed" in capsys.readouterr().out
    assert main(["store", "gc"]) == 0
    assert capsys.readouterr().out == "removed 0 artifacts and files, 0 bytes\n"
    assert content(run) == before


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda run: flip(run.path(first(run)["artifacts"]["fit"])), "has changed"),
        (lambda run: os.truncate(run.path(first(run)["artifacts"]["fit"]), 2000), "is damaged"),
        (lambda run: run.path(first(run)["artifacts"]["fit"]).write_text("{"), "is damaged"),
        (tamper, "is corrupt; remove"),
        (lambda run: run.remove(first(run)["artifacts"]["prepared"]), "missing: artifact"),
        (lambda run: (run.root / first(run, "error")["log"]).unlink(), "missing: logs/"),
        (lambda run: run.put("stray", Artifact({"x": np.arange(3)})), "orphaned: artifact 'stray'"),
    ],
    ids=["a bit", "an array", "a header", "a number", "an artifact", "a log", "a stray"],
)
def test_harm_is_told_with_what_to_do(run, capsys, harm: Callable[[Store], object], words: str):
    harm(run)
    assert main(["store", "check"]) == 1
    output = capsys.readouterr().out
    assert words in output
    assert "all whole" not in output


def test_a_record_that_was_tampered_with_is_computed_anew(run):
    before = {record["cell_id"]: record["metrics"] for record in run.records()}
    tamper(run)
    assert main(["run", "./mine.toml", "--jobs", "1"]) == 1  # the recommender that breaks
    assert {record["cell_id"]: record["metrics"] for record in run.records()} == before


def test_a_record_of_before_there_were_digests_counts(run, capsys):
    path = run.root / "cells" / f"{first(run)['cell_id']}.json"
    document = json.loads(path.read_text())
    del document["digest"]
    path.write_text(json.dumps(document))
    assert run.read_record(path.stem) == document
    assert main(["store", "check"]) == 0


def test_gc_removes_what_nothing_needs_and_says_how_much(run, capsys):
    before = content(run)
    run.put("stray", Artifact({"x": np.arange(1000)}))
    (run.root / "logs" / "stray.log").write_text("of the stray")
    (run.root / "logs" / "gone.log").write_text("of nothing")
    (run.root / "cells" / ".half.json.1.abc.tmp").write_text("{")
    (run.root / "artifacts" / "st" / ".half.1.abc.tmp").write_bytes(b"123")
    extra = {path: data for path, data in content(run).items() if path not in before}
    capsys.readouterr()
    assert main(["store", "gc", "--dry-run"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"would remove 5 artifacts and files, {sum(map(len, extra.values())):,} bytes"
    assert content(run) == before | extra
    assert main(["store", "gc"]) == 0
    assert capsys.readouterr().out.splitlines() == [*said[:-1], said[-1].replace("would remove", "removed")]
    assert content(run) == before


def test_gc_keeps_what_a_run_that_was_interrupted_goes_on_from(shop, monkeypatch, capsys):
    class StopsBeforeTheFirstRecord(InThisProcess):
        ran = 0

        def next(self, timeout: float | None = None):
            type(self).ran += 1
            if self._tasks[0].function.endswith(":evaluate"):
                raise KeyboardInterrupt
            return super().next(timeout)

    class Counts(InThisProcess):
        ran = 0

        def next(self, timeout: float | None = None):
            type(self).ran += 1
            return super().next(timeout)

    name = suite(["Popular"], ["Fills"], ["RemovesBuyersOf[item=3]"])
    monkeypatch.setattr("recbench.matrix.run.LocalExecutor", StopsBeforeTheFirstRecord)
    assert main(["run", name, "--jobs", "1"]) == 130
    store = Store(Path("runs/mine"))
    assert store.records() == []
    kept = store.artifact_keys()
    assert len(kept) == StopsBeforeTheFirstRecord.ran - 1 > 0
    assert main(["store", "gc"]) == 0
    assert store.artifact_keys() == kept
    monkeypatch.setattr("recbench.matrix.run.LocalExecutor", Counts)
    assert main(["run", name, "--jobs", "1"]) == 0
    assert len(store.artifact_keys()) == len(kept) + Counts.ran


def test_gc_keeps_what_records_need_that_the_plan_has_no_more(run, capsys):
    needed = {key for record in run.records() for key in record["artifacts"].values()} - {None}
    before = run.records()
    assert main(["run", "./mine.toml", "--jobs", "1", "--attacker", "none", "--recommender", "ease"]) == 0
    assert main(["store", "gc"]) == 0
    assert needed <= set(run.artifact_keys())
    capsys.readouterr()
    assert main(["run", "./mine.toml", "--jobs", "1"]) == 1
    assert "; 0 stages computed" in capsys.readouterr().out
    assert [record for record in run.records() if record in before] == before


@pytest.mark.parametrize("lost", ["shop.csv", "runs/mine/environment.json"])
def test_gc_removes_nothing_where_the_plan_cannot_be_made(run, shop, capfd, lost):
    run.put("stray", Artifact())
    (shop / lost).unlink()
    assert main(["store", "gc"]) == 2
    assert Path(lost).name in capfd.readouterr().err
    assert run.has("stray")
    assert main(["store", "check"]) == 0
    assert "what is orphaned cannot be told" in capfd.readouterr().err


def holding(folder: Path, pipe) -> None:
    with hold(folder):
        pipe.send("held")
        pipe.recv()


def test_gc_refuses_while_a_harness_holds_the_store_and_not_after_it_was_killed(run, capfd):
    run.put("stray", Artifact())
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=holding, args=(run.root.absolute(), there))
    process.start()
    try:
        assert here.recv() == "held"
        for arguments in (["store", "gc"], ["run", "./mine.toml", "--rerun", "all"]):
            assert main(arguments) == 2
            assert "a run is computing in runs/mine; wait until it has ended" in capfd.readouterr().err
        assert run.has("stray")
        with hold(run.root):  # a second harness is welcome
            pass
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    assert main(["store", "gc"]) == 0
    assert not run.has("stray")


def test_a_run_does_not_start_while_somebody_clears_up(run, capfd):
    with hold(run.root, alone=True):
        assert main(["run", "./mine.toml"]) == 2
    assert "somebody is clearing up runs/mine" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["check", "gc"])
def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path, capfd, command):
    assert main(["store", command, str(tmp_path / "nosuch")]) == 2
    assert "holds no readable plan.json" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
