"""`recbench time`: the suite, its figures, and what may be held against what."""

import importlib
import json
import subprocess
from pathlib import Path

import pytest

from recbench.cli import main
from recbench.component import Component
from recbench.plugins import PluginRow, Plugins
from recbench.throughput.report import Report


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    """Figures of four components, one of each role but robust training."""
    out = tmp_path_factory.mktemp("time") / "figures.json"
    assert main(["time", "ease", "random", "activity-filter", "--users", "200", "--out", str(out)]) == 0
    return out


def test_every_task_of_the_chosen_components_is_timed(timed):
    report = Report.read(timed)
    tasks = [(timing.task, timing.component, timing.batch) for timing in report.timings]
    scores = [("score", "ease", batch) for batch in (1, 256, 4096)]
    assert tasks == [("fit", "ease", None), *scores, ("craft", "random", None), ("inspect", "activity-filter", None)]
    assert [timing.n for timing in report.timings] == [3, 40, 40, 40, 3, 3]
    assert [timing.p95 is None for timing in report.timings] == [True, False, False, False, True, True]
    assert all(timing.verified and timing.rate > 0 and timing.cpu_seconds > 0 for timing in report.timings)


def test_the_file_is_pytest_benchmarks_own_and_says_what_it_was_measured_on(timed):
    document = json.loads(timed.read_text())
    assert len(document["benchmarks"][0]["stats"]["data"]) == 3
    about = document["machine_info"]["recbench"]
    assert about["protocol"]["users"] == 200
    assert {"processor", "cores", "threads", "device", "packages", "git"} <= set(about)


def test_earlier_figures_are_held_against_new_ones(timed, tmp_path, capfd):
    out = tmp_path / "again.json"
    assert main(["time", "ease", "--users", "200", "--out", str(out), "--compare", str(timed)]) == 0
    assert [timing.component for timing in Report.read(out).timings] == ["ease"] * 4
    lines = capfd.readouterr().out.splitlines()
    assert "times as fast" in lines[0]
    assert float(lines[2].split()[-1]) > 0


def test_what_cannot_be_timed_fails_the_command(tmp_path, capfd):
    """On a thousand items a GAN does not train within a second on anything."""
    out = tmp_path / "never.json"
    assert main(["time", "gan", "--seconds", "1", "--out", str(out)]) == 3
    said = capfd.readouterr().err
    assert "not done after 1 s" in said
    assert "nothing was timed" in said
    assert not out.exists()


def test_a_file_of_the_users_named_like_one_of_pythons_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("random.py").write_text("raise SystemExit('mine')\n")
    assert main(["time", "popularity", "--users", "200", "--out", "figures.json"]) == 0


def test_a_component_that_cannot_be_imported_says_why(tmp_path, monkeypatch, capsys):
    component = Component("recommender", "poppy", "no_such_module:Poppy")
    plugins = Plugins((PluginRow("broken", "entry point", "", components=(component,)),))
    monkeypatch.setattr(importlib.import_module("recbench.cli.time"), "installed", lambda _: plugins)
    assert main(["time", "poppy", "--out", str(tmp_path / "never.json")]) == 2
    assert "no_such_module" in capsys.readouterr().err


class Interrupted:
    """A suite that Ctrl-C ends: the command hears it while it waits, and the suite writes what it has, then ends."""

    figures = b""

    def __init__(self, command, **_):
        self.out = Path(command[command.index("--benchmark-json") + 1])
        self.out.touch()  # as pytest-benchmark does at its start
        self.heard = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def wait(self):
        if not self.heard:
            self.heard = True
            raise KeyboardInterrupt
        self.out.write_bytes(self.figures)
        return 2


def test_an_interrupted_suite_leaves_the_figures_that_it_has(timed, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    monkeypatch.setattr(Interrupted, "figures", timed.read_bytes())
    out = tmp_path / "figures.json"
    assert main(["time", "ease", "--out", str(out)]) == 1
    assert Report.read(out).timings
    assert "fit" in capfd.readouterr().out


def test_a_suite_that_is_interrupted_before_its_first_figure_leaves_no_file(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    out = tmp_path / "figures.json"
    assert main(["time", "ease", "--out", str(out)]) == 3
    assert "nothing was timed" in capfd.readouterr().err
    assert not out.exists()


def test_figures_of_another_machine_are_refused_before_anything_is_timed(timed, tmp_path, capsys):
    document = json.loads(timed.read_text())
    document["machine_info"]["recbench"]["processor"] = "abacus"
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    out = tmp_path / "never.json"
    assert main(["time", "ease", "--users", "200", "--out", str(out), "--compare", str(other)]) == 2
    assert "is not comparable: processor: abacus and" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_of_something_else_is_refused(tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text('{"machine_info": {}, "benchmarks": []}')
    assert main(["time", "ease", "--compare", str(other)]) == 2
    assert "holds no figures" in capsys.readouterr().err


def test_without_pytest_benchmark_the_next_step_is_told(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pytest_benchmark" else object())
    assert main(["time", "ease"]) == 2
    assert "pip install 'recbench[time]'" in capsys.readouterr().err
