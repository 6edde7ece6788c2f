"""`recbench.run`: the command from Python."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from planted_suite import suite

import recbench
from recbench.cli import main
from recbench.errors import SuiteError
from recbench.execution import LocalExecutor
from recbench.execution.process import LINUX
from recbench.matrix.suite import load_suite
from recbench.plugins import PluginRow, Plugins, load_plugins
from recbench.store import Store


def test_importing_recbench_imports_nothing_heavy_until_it_is_asked():
    code = """
import sys, recbench
assert {"run", "Results"} <= set(dir(recbench))
assert not set(sys.modules) & {"torch", "pandas", "numpy", "pydantic", "recbench.running"}
print(recbench.run.__module__, recbench.Results.__name__, "torch" in sys.modules)
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["recbench.running", "Results", "False"]


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        recbench.runn  # noqa: B018


@pytest.mark.usefixtures("quick_executor")
def test_a_run_from_python_leaves_what_the_command_leaves(shop):
    name = suite(["Popular"], ["Fills"], ["KeepsAll"])
    results = recbench.run(name, out="python", jobs=1)
    assert main(["run", name, "--out", "shell", "--jobs", "1"]) == 0
    assert [cell["status"] for cell in results.cells] == ["ok"] * 5

    def lasting(folder: str) -> list[dict]:
        return [{**record, "cost": None} for record in Store(Path(folder)).records()]

    assert lasting("python") == lasting("shell")
    for file in ("recommenders.md", "attackers.csv"):
        assert Path("python/tables", file).read_bytes() == Path("shell/tables", file).read_bytes()


@pytest.mark.skipif(not LINUX, reason="elsewhere every run is of fresh interpreters")
def test_workers_that_are_fresh_interpreters_leave_what_forked_ones_leave(shop, monkeypatch):
    name = suite(["Popular"], ["Fills"], [])
    found = {}
    for fork in (True, False):
        monkeypatch.setattr("recbench.matrix.run.LocalExecutor", partial(LocalExecutor, fork=fork))
        recbench.run(name, out=f"run-{fork}", jobs=2)
        found[fork] = [{**record, "cost": None} for record in Store(Path(f"run-{fork}")).records()]
    assert found[True] == found[False]
    assert [record["status"] for record in found[False]] == ["ok"] * 3


@pytest.mark.usefixtures("quick_executor")
def test_a_suite_may_be_given_itself_with_axes_in_place_of_its_own(shop):
    asked = load_suite(suite(["Popular"], ["Fills"], []))
    results = recbench.run(asked, jobs=1, recommenders=["ease[lam=10.0]"], sizes=[0.05, 0.1])
    assert results.folder == Path("runs/mine")
    assert {cell["question"]["recommender"]["name"] for cell in results.cells} == {"ease"}
    assert {cell["question"]["size"] for cell in results.cells} == {0.0, 0.05, 0.1}


@pytest.mark.usefixtures("quick_executor")
def test_a_failure_is_a_cell_and_no_exception(shop):
    results = recbench.run(suite(["Breaks"], [], []), jobs=1)
    assert {cell["reason"] for cell in results.cells} == {"RuntimeError: the planted failure"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rerun": "al"}, "did you mean 'all'"),
        ({"jobs": 0}, "jobs is 0"),
        ({"out": "shop.csv"}, "shop.csv is a file; name a folder"),
        ({"device": "toaster"}, "device toaster"),
    ],
    ids=str,
)
def test_a_mistake_is_an_error_before_anything_is_written(shop, wrong, words):
    name = suite(["Popular"], [], [])
    before = sorted(shop.rglob("*"))
    with pytest.raises(SuiteError, match=words):
        recbench.run(name, **wrong)
    assert sorted(shop.rglob("*")) == before


@pytest.mark.usefixtures("quick_executor")
def test_a_broken_plugin_is_a_warning(shop, monkeypatch):
    odd = PluginRow("odd", "odd-one", "2", "failed", "no")
    installed = Plugins((*load_plugins().rows, odd))
    monkeypatch.setattr("recbench.running.load_plugins", lambda: installed)
    with pytest.warns(UserWarning, match=r"plugin 'odd' \(odd-one 2\) is not active \(failed\): no"):
        recbench.run(suite(["Popular"], [], []), jobs=1)
