"""What workers start with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from recbench.component import Component
from recbench.execution import LocalExecutor, Task
from recbench.execution.process import LINUX
from recbench.factories import module_name
from recbench.matrix.choices import Axes, Choice, Pipeline
from recbench.matrix.own_data import FACTORY
from recbench.matrix.preload import COMPILER, preloaded
from recbench.store import Store

PLUGINS = "recbench_plugins.recommenders"


def recommender(module: str, **fields: object) -> Component:
    return Component("recommender", "r", f"{module}:R", **fields)  # type: ignore[arg-type]


def choice(kind: str, name: str, *libraries: str) -> Choice:
    return Choice(Component(kind, name, f"nowhere.{name}:C", libraries=frozenset(libraries)), {})  # type: ignore[arg-type]


@pytest.mark.skipif(not LINUX, reason="forking is Linux's")
def test_no_module_that_workers_start_with_starts_a_thread(tmp_path: Path) -> None:
    modules = preloaded([recommender(f"{PLUGINS}.bpr_mf")])
    assert COMPILER in modules
    with LocalExecutor(Store(tmp_path / "run"), jobs=1, preload=modules) as executor:
        executor.submit(Task("any", "builtins:dict"))
        assert executor.next(60) is not None
        assert len(os.listdir(f"/proc/{executor._process.pid}/task")) == 1


def test_workers_start_with_the_libraries_of_everything_that_is_run() -> None:
    axes = Axes(
        datasets=[],
        recommenders=[choice("recommender", "r", "keras")],
        attackers=[],
        defenses=[Pipeline(choice("defense", "d", "sklearn.svm"), choice("defense", "t", "jax", "keras"))],
        metrics=[],
        examples=[choice("attacker", "a", "faiss")],
    )
    assert {"faiss", "jax", "keras", "sklearn.svm"} <= set(preloaded(axes.components))
    assert not {"faiss", "jax", "keras", "sklearn.svm"} & set(preloaded([]))


@pytest.mark.parametrize(
    ("module", "trains"),
    [("popularity", False), ("item_knn", False), ("bpr_mf", True), ("lightgcn", True)],
)
def test_the_compiler_of_torch_is_loaded_where_a_component_names_torch(module: str, trains: bool) -> None:
    assert (COMPILER in preloaded([recommender(f"{PLUGINS}.{module}")])) is trains


@pytest.mark.parametrize(
    ("line", "trains"),
    [
        ("from torch import nn", True),
        ("from recbench.contracts import Adagrad, Recommender", True),
        ("from recbench.contracts.optimizers import Adagrad", True),
        ("from recbench.contracts import Recommender", False),
        ("import numpy", False),
    ],
)
def test_a_file_of_the_users_own_is_looked_into(tmp_path: Path, line: str, trains: bool) -> None:
    (tmp_path / "mine.py").write_text(f"{line}\n")
    assert (COMPILER in preloaded([recommender(module_name(tmp_path / "mine.py"))])) is trains


def test_workers_start_with_pandas_where_a_data_set_is_read_from_files() -> None:
    filmtrust = Component("dataset", "filmtrust", "recbench_plugins.datasets.filmtrust:FilmTrust")
    mine = Component("dataset", "mine", FACTORY)
    assert "pandas" in preloaded([filmtrust])
    assert "pandas" in preloaded([mine])
    assert "pandas" not in preloaded([recommender(f"{PLUGINS}.popularity")])


def test_workers_start_with_the_torch_that_a_component_has_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    assert "torch" in preloaded([])
    monkeypatch.delitem(sys.modules, "torch")
    assert "torch" not in preloaded([])


def test_what_every_stage_needs_loads_no_heavy_library() -> None:
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    modules = [name for name in preloaded([]) if name != "torch"]
    found = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True)
    assert set(modules) <= set(found.stdout.split())
    assert not {"torch", "pandas", "pyarrow", "scipy.stats"} & set(found.stdout.split())
