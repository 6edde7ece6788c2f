"""`recbench plan` and `recbench run` end to end, in processes of their own where a process matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_suite import PLANTED, InThisProcess, suite

from recbench.cli import main
from recbench.contracts import Profiles
from recbench.execution import TaskResult
from recbench.plugins import Plugins
from recbench.store import Store

TINY = """
name = "tiny"
version = "1"
datasets = ["ml-100k"]
recommenders = ["popularity", "ease"]
attackers = ["none", "random"]
defenses = ["none"]
"""
CELLS = 2 * 2 + 2
"""Two recommenders, clean and attacked, and the clean ones' A/A twins."""

Records = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def recbench(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command in a folder that holds tiny.toml."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "tiny.toml").write_text(TINY)
    environment = os.environ | {"RECBENCH_MIRROR": str(mirror), "RECBENCH_CACHE": str(folder / "cache")}
    watch = "import sys; from recbench.cli import main; code = main(); print('torch' in sys.modules); sys.exit(code)"

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", watch, *arguments]
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    start.folder = folder  # type: ignore[attr-defined]
    return start


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output, errors


def records(store: Store) -> Records:
    """By id, without what two runs of the same thing may differ in."""
    return {record["cell_id"]: {k: v for k, v in record.items() if k != "cost"} for record in store.records()}


@pytest.fixture(scope="module")
def uninterrupted(recbench) -> Store:
    """The tiny suite, run with two jobs."""
    finish(recbench("run", "tiny.toml", "--out", "whole", "--jobs", "2"))
    return Store(recbench.folder / "whole")


def test_every_cell_of_the_plan_has_its_record(recbench, uninterrupted):
    output, _ = finish(recbench("plan", "tiny.toml", "--out", "whole", "--json"))
    planned = json.loads(output.rpartition("\n}")[0] + "\n}")
    found = uninterrupted.records()
    assert len(found) == CELLS
    assert {cell["cell_id"] for cell in planned["cells"]} == {record["cell_id"] for record in found}
    assert {cell["build_id"] for cell in planned["cells"]} == {record["build_id"] for record in found}
    assert uninterrupted.read_document("plan.json")["cells"] == planned["cells"]
    assert all(record["status"] == "ok" for record in found)
    assert planned["cached"] == planned["stages"]


def test_a_record_holds_metrics_and_what_they_cost(uninterrupted):
    attacked = [record for record in uninterrupted.records() if record["question"]["size"]]
    assert len(attacked) == 2
    for record in attacked:
        assert record["metrics"]["rank-gain"] > 0
        assert record["cost"]["fit"]["wall_seconds"] > 0
        assert set(record["cost"]) == {"craft", "evaluate", "fit"}
        assert record["cost"]["evaluate"]["cpu_seconds"] > 0
        profiles = uninterrupted.get(record["artifacts"]["profiles"]).arrays
        assert record["cost"]["craft"]["profiles"] == len(profiles["templates"]) > 0
        genuine = len(uninterrupted.get(record["artifacts"]["prepared"]).arrays["train_items"])
        assert record["cost"]["fit"]["interactions"] == genuine + len(profiles["items"])
        assert record["machine"]["device"] == "cpu"
        assert uninterrupted.has(record["artifacts"]["profiles"])


def test_the_attack_is_crafted_once_for_all_victims(uninterrupted):
    profiles = {record["artifacts"]["profiles"] for record in uninterrupted.records() if record["question"]["size"]}
    assert len(profiles) == 1


def test_the_environment_is_written(uninterrupted):
    environment = uninterrupted.read_document("environment.json")
    assert environment["packages"]["numpy"]
    assert environment["jobs"] == 2


def test_a_second_run_computes_nothing_and_does_not_import_torch(recbench, uninterrupted):
    before = records(uninterrupted)
    artifacts = sorted(uninterrupted.root.glob("artifacts/*/*"))
    output, _ = finish(recbench("run", "tiny.toml", "--out", "whole", "--jobs", "2"))
    assert "6 ok; 0 stages computed" in output
    assert output.splitlines()[-1] == "False"
    assert records(uninterrupted) == before
    assert sorted(uninterrupted.root.glob("artifacts/*/*")) == artifacts


def test_a_run_that_is_killed_goes_on_where_it_stopped_and_ends_up_the_same(recbench, uninterrupted):
    """With one job where the uninterrupted run had two: neither the kill nor the order moves a bit."""
    store = Store(recbench.folder / "killed")
    process = recbench("run", "tiny.toml", "--out", "killed", "--jobs", "1")
    while not store.records():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < len(store.records()) < CELLS
    finish(recbench("run", "tiny.toml", "--out", "killed", "--jobs", "1"))
    assert records(store) == records(uninterrupted)
    for record in store.records():
        for key in filter(None, record["artifacts"].values()):
            assert store.digest(key) == uninterrupted.digest(key)
    assert store.check() == []


def by_names(store: Store) -> dict[tuple[str, str, str], dict[str, Any]]:
    clean = [record for record in store.records() if not record["question"]["replica"]]
    axes = ("recommender", "attacker", "defense")
    return {tuple(record["question"][axis]["name"] for axis in axes): record for record in clean}


def test_a_failure_is_a_row_and_the_others_complete(shop, capfd):
    name = suite(["Popular", "Breaks"], ["Fills", "Overspends"], ["KeepsAll", "NeedsSequence"])
    assert main(["run", name, "--jobs", "2"]) == 1
    store = Store(Path("runs/mine"))
    rows = by_names(store)
    assert len(rows) == 2 * 3 * 3
    assert rows["popular", "fills", "none"]["status"] == "ok"
    broken = rows["breaks", "fills", "none"]
    assert (broken["status"], broken["stage"]) == ("error", "fit")
    assert broken["reason"] == "RuntimeError: the planted failure"
    assert "the planted failure" in (store.root / broken["log"]).read_text()
    over = rows["popular", "overspends", "none"]
    assert (over["status"], over["stage"]) == ("invalid", "craft")
    skipped = rows["popular", "fills", "needs-sequence"]
    assert skipped["status"] == "skipped"
    assert skipped["reason"] == "defense 'needs-sequence' needs a recommender that is sequential; 'popular' is not"
    # A detector that removes nobody has the fit of the undefended victim.
    assert (
        rows["popular", "fills", "keeps-all"]["artifacts"]["fit"]
        == rows["popular", "fills", "none"]["artifacts"]["fit"]
    )
    output, errors = capfd.readouterr()
    assert "the planted failure" in errors
    assert "runs/mine/logs/" in errors
    assert "runs/mine" in output


@pytest.mark.usefixtures("quick_executor")
def test_failed_cells_stay_rows_until_they_are_asked_for_again(shop, capfd):
    name = suite(["Popular", "Breaks"], [], [])
    assert main(["run", name, "--jobs", "1"]) == 1
    capfd.readouterr()
    assert main(["run", name, "--jobs", "1"]) == 1
    assert "0 stages computed" in capfd.readouterr().out
    assert main(["run", name, "--jobs", "1", "--rerun", "failed"]) == 1
    assert "2 stages computed" in capfd.readouterr().out


FICKLE = """
from dataclasses import dataclass
from pathlib import Path
from recbench.contracts import Recommender

@dataclass(frozen=True)
class Fickle(Recommender):
    def fit(self, train, ctx):
        if Path("unlucky").exists() and train.n_users == 26:  # the shop's, without fakes
            raise RuntimeError("no luck with clean data")
        return Fitted(train.item_counts.astype("float32"))

class Fitted:
    def __init__(self, counts):
        self.counts = counts

    def score(self, users):
        return self.counts[None].repeat(len(users), 0)
"""


@pytest.mark.usefixtures("quick_executor")
def test_cells_that_lack_their_clean_twin_are_mended_together_with_it(shop, capfd):
    Path("fickle.py").write_text(FICKLE)
    Path("unlucky").touch()
    name = suite(["Popular"], ["Fills"], ["SuspectsLong"])
    command = ["run", name, "--recommender", "./fickle.py:Fickle", "--jobs", "1"]
    assert main(command) == 1
    store = Store(Path("runs/mine"))
    rows = by_names(store)
    assert rows["fickle", "none", "none"]["status"] == "error"
    assert rows["fickle", "fills", "none"]["status"] == rows["fickle", "fills", "suspects-long"]["status"] == "ok"
    lacking = rows["fickle", "fills", "none"]["metrics"]
    Path("unlucky").unlink()
    capfd.readouterr()
    assert main(command) == 1
    assert "; 0 stages computed" in capfd.readouterr().out
    assert main([*command, "--rerun", "failed"]) == 0
    clean = by_names(store)["fickle", "none", "none"]["artifacts"]["fit"]
    assert {record["artifacts"]["clean"] for record in store.records()} == {clean}
    attacked = [record for record in store.records() if record["question"]["attacker"]["name"] == "fills"]
    assert len(attacked) == 2
    assert all(record["metrics"].keys() > lacking.keys() for record in attacked)
    capfd.readouterr()
    assert main([*command, "--rerun", "failed"]) == 0
    assert "; 0 stages computed" in capfd.readouterr().out


@pytest.mark.usefixtures("quick_executor")
def test_machines_read_events_and_nothing_else_on_stdout(shop, capfd):
    (shop / "chatty.py").write_text(f"print('hello')\nexec(open({str(PLANTED)!r}).read())\n")
    name = suite(["Breaks"], ["Fills"], ["NeedsSequence"])
    arguments = ["run", name, "--recommender", "./chatty.py:Popular", "--recommender", f"{PLANTED}:Breaks", "--json"]
    assert main(arguments) == 1
    output, errors = capfd.readouterr()
    assert "hello" in errors
    events = [json.loads(line) for line in output.splitlines()]
    plan, *middle, summary = events
    assert plan["event"] == "plan"
    assert (plan["cells"], plan["wanted"], plan["skipped"], plan["broken"]) == (10, 6, 4, 0)
    assert summary["event"] == "summary"
    assert summary["statuses"] == {"ok": 3, "skipped": 4, "error": 3}
    assert summary["exit_code"] == 1
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    started = [event["key"] for event in middle if event["event"] == "stage-started"]
    ended = {event["key"]: event for event in middle if event["event"] == "stage-ended"}
    assert len(started) == len(ended) == summary["stages_computed"]
    assert set(started) == set(ended)
    assert {(each["kind"], each["status"]) for each in ended.values()} == {
        *((kind, "ok") for kind in ("prepare", "craft", "fit", "repeat", "evaluate")),
        ("fit", "error"),
    }
    done = {event["cell_id"]: event for event in middle if event["event"] == "cell-done"}
    assert len(done) == plan["wanted"]
    for record in Store(Path("runs/mine")).records():
        if record["status"] != "skipped":
            assert {key: done[record["cell_id"]][key] for key in record} == record
    assert Path("runs/mine/tables/recommenders.md").is_file()
    capfd.readouterr()
    assert main(arguments) == 1
    assert [json.loads(line)["event"] for line in capfd.readouterr().out.splitlines()] == ["plan", "summary"]


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(shop, capfd, monkeypatch):
    executors = []

    class Interrupted(InThisProcess):
        def next(self, timeout: float | None = None) -> TaskResult:
            executors.append(self)
            os.kill(os.getpid(), signal.SIGINT)
            return super().next(timeout)

    monkeypatch.setattr("recbench.matrix.run.LocalExecutor", Interrupted)
    assert main(["run", suite(["Popular"], [], [])]) == 130
    assert executors[0].closed
    assert capfd.readouterr().err.splitlines()[-1] == "interrupted; the same command goes on from runs/mine"


@pytest.mark.usefixtures("quick_executor")
def test_observers_hear_of_every_cell_once_and_cannot_stop_the_run(shop, capfd, monkeypatch):
    heard = []

    def notify(plugins: Plugins, record: dict[str, Any]) -> list[str]:
        heard.append(record["cell_id"])
        return ["observer 'x' raised"]

    monkeypatch.setattr(Plugins, "notify", notify)
    name = suite(["Popular"], ["Fills"], ["NeedsSequence"])
    assert main(["run", name]) == 0
    assert main(["run", name]) == 0
    assert sorted(heard) == [record["cell_id"] for record in Store(Path("runs/mine")).records()]
    assert "warning: observer 'x' raised" in capfd.readouterr().err


@pytest.mark.usefixtures("quick_executor")
def test_nothing_that_succeeds_is_exit_code_3(shop):
    assert main(["run", suite(["Breaks"], [], []), "--jobs", "1"]) == 3


@pytest.mark.usefixtures("quick_executor")
def test_another_build_is_stale_and_is_computed_anew_on_request(shop, capfd):
    name = suite(["Popular"], [], [])
    assert main(["run", name, "--jobs", "1"]) == 0
    capfd.readouterr()
    assert main(["run", name, "--jobs", "1", "--threads", "2"]) == 0
    output, errors = capfd.readouterr()
    assert "0 stages computed" in output
    assert "2 cells were computed by another build" in errors
    assert main(["run", name, "--jobs", "1", "--threads", "2", "--rerun", "stale"]) == 0
    output, errors = capfd.readouterr()
    assert "0 stages computed" not in output
    assert "another build" not in errors


@pytest.mark.usefixtures("quick_executor")
def test_never_computes_nothing_whatever_is_missing_failed_or_stale(shop, capfd):
    name = suite(["Popular", "Breaks"], [], [])
    never = ["run", name, "--jobs", "1", "--rerun", "never"]
    assert main(never) == 3
    assert "0 stages computed" in capfd.readouterr().out
    assert list(Store(Path("runs/mine")).records()) == []
    assert main(["run", name, "--jobs", "1"]) == 1
    before = {record["cell_id"]: record for record in Store(Path("runs/mine")).records()}
    capfd.readouterr()
    assert main([*never, "--threads", "2", "--attacker", f"{PLANTED}:Fills"]) == 1
    output, errors = capfd.readouterr()
    assert "0 stages computed" in output
    assert "another build" in errors
    assert {record["cell_id"]: record for record in Store(Path("runs/mine")).records()} == before


@pytest.mark.usefixtures("quick_executor")
def test_all_starts_afresh(shop, capfd):
    name = suite(["Popular"], [], [])
    assert main(["run", name, "--jobs", "1"]) == 0
    first = capfd.readouterr().out
    before = {record["cell_id"]: record for record in Store(Path("runs/mine")).records()}
    assert main(["run", name, "--jobs", "1", "--rerun", "all"]) == 0
    assert capfd.readouterr().out.splitlines()[-2:] == first.splitlines()[-2:]
    after = {record["cell_id"]: record for record in Store(Path("runs/mine")).records()}
    assert before.keys() == after.keys()
    assert all(before[cell]["metrics"] == after[cell]["metrics"] for cell in after)
    assert all(before[cell]["cost"] != after[cell]["cost"] for cell in after)


@pytest.mark.usefixtures("quick_executor")
def test_a_poison_file_is_an_attacker(shop):
    Profiles.from_pairs(np.zeros(6, np.int64), np.arange(6), 1).save(shop / "poison.npz")
    assert main(["run", suite(["Popular"], [], []), "--attacker", "./poison.npz"]) == 0
    row = by_names(Store(Path("runs/mine")))["popular", "poison", "none"]
    assert row["status"] == "ok"
    assert str(shop) not in json.dumps(row)


@pytest.mark.usefixtures("quick_executor")
def test_a_data_set_that_cannot_be_had_is_a_set_of_rows(shop, capfd, monkeypatch):
    monkeypatch.setenv("RECBENCH_MIRROR", str(shop / "empty"))
    name = suite(["Popular"], [], [])
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert main(["run", name, "--dataset", "filmtrust", "--dataset", "shop.csv", "--jobs", "1"]) == 1
    found = Store(Path("runs/mine")).records()
    assert {record["question"]["dataset"]: record["status"] for record in found} == {"filmtrust": "error", "shop": "ok"}
    assert "cannot fetch filmtrust" in capfd.readouterr().err


def test_the_plan_counts_stages_and_tells_why_cells_are_skipped(shop, capfd):
    name = suite(["Popular"], ["Fills"], ["KeepsAll", "NeedsSequence"])
    assert main(["plan", name]) == 0
    output = capfd.readouterr().out
    assert "7 cells" in output
    assert "skipped       2 cells: defense 'needs-sequence' needs a recommender that is sequential" in output
    assert [line.split()[:2] for line in output.splitlines() if "stages" in line] == [
        ["prepare", "1"],
        ["craft", "1"],
        ["sanitize", "2"],
        ["fit", "5"],
        ["repeat", "3"],
        ["evaluate", "5"],
    ]
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "unknown suite 'nosuch'"),
        (["./nosuch.toml"], "no suite file ./nosuch.toml in "),
        (["./logs"], "no suite file ./logs: it is a folder"),
        (["./broken.toml"], "broken.toml: line 2: 'version':"),
        (["./mine.toml", "--recommender", "eese"], "unknown recommender 'eese'; did you mean 'ease'?"),
        (["./mine.toml", "--recommender", "ease[l2=much]"], "recommender 'ease'"),
        (["./mine.toml", "--recommender", "ease[nosuch=1]"], "has no parameter 'nosuch'"),
        (["./mine.toml", "--attacker", "./none.py:Mine"], "no such file"),
        (["./wrong.toml"], "unknown attacker 'popluar'; did you mean 'popular'?"),
        (["./mine.toml", "--attacker", "zz*"], "no attacker matches 'zz*'"),
        (["./mine.toml", "--dataset", "nosuch.csv"], "dataset 'nosuch.csv': no such file in "),
        (["./mine.toml", "--dataset", "logs"], "unknown dataset 'logs'; for the folder of that name write ./logs"),
        (["./mine.toml", "--attacker", "./none.npz"], "none.npz: not a poison file: it is no .npz file"),
        (["./mine.toml", "--dataset", "./nosuch.csv"], "nosuch.csv does not exist"),
        (["./mine.toml", "--dataset", "bad.csv"], "bad.csv"),
        (["./mine.toml", "--seeds", "0"], "'seeds': input should be greater than or equal to 1"),
        (["./mine.toml", "--seeds", "two"], "'--seeds'"),
        (["./mine.toml", "--size", "3"], "'threat.sizes.0': input should be less than or equal to 1"),
        (["./mine.toml", "--device", "toaster"], "device toaster"),
        (["./mine.toml", "--rerun", "al"], "rerun al: no such choice; did you mean 'all'?"),
        (["./mine.toml", "--jobs", "0"], "--jobs"),
        (["./mine.toml", "--out", "shop.csv"], "cannot be kept in shop.csv: shop.csv is a file"),
        (["./mine.toml", "--out", "shop.csv/run"], "shop.csv is a file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_is_one_line_and_writes_nothing(shop, capfd, arguments, words):
    suite(["Popular"], [], [])
    Path("broken.toml").write_text('name = "broken"\nversion = \n')
    Path("wrong.toml").write_text('mandatory = ["popluar"]\n' + Path("mine.toml").read_text())
    Path("bad.csv").write_text("user_id,item_id\n1\n")
    Path("none.npz").write_text("x")
    Path("logs").mkdir()
    before = sorted(shop.rglob("*"))
    assert main(["run", *arguments]) == 2
    output, errors = capfd.readouterr()
    assert words in errors
    assert errors.startswith("error: ")
    assert len(errors.splitlines()) == 1
    assert output == ""
    assert sorted(shop.rglob("*")) == before
