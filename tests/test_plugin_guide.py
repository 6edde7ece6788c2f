"""docs/plugins.md is true: its signatures are those of the code, and its examples run."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import recbench.contracts as contracts
from recbench import hookspecs
from recbench.cli import main
from recbench.results import Results

GUIDE = Path(__file__).parents[1] / "docs" / "plugins.md"

IMPLEMENTED = [
    contracts.Dataset,
    contracts.Recommender,
    contracts.Scorer,
    contracts.Sequential,
    contracts.Ratings,
    contracts.Persistent,
    contracts.Differentiable,
    contracts.Problem,
    contracts.EmbedsHistories,
    contracts.ScoresRows,
    contracts.PoisoningAttacker,
    contracts.EvasionAttacker,
    contracts.ParameterAttacker,
    contracts.Sanitizer,
    contracts.RobustTraining,
    contracts.Metric,
]


def _signature(function: Callable[..., object]) -> str:
    signature = inspect.signature(function)
    shown = [each for name, each in signature.parameters.items() if name != "self"]
    return str(signature.replace(parameters=shown)).replace("'", "")


def _own_methods(contract: type) -> list[str]:
    """What a plugin may write itself: public methods, and being called."""
    methods = [(name, value) for name, value in vars(contract).items() if inspect.isfunction(value)]
    return [
        f"{contract.__name__}.{name}{_signature(value)}"
        for name, value in methods
        if name == "__call__" or not name.startswith("_")
    ]


def test_every_hook_and_contract_method_is_in_the_guide_with_its_exact_arguments() -> None:
    hooks = [
        f"{name}{_signature(value)}"
        for name, value in vars(hookspecs).items()
        if name.startswith("recbench_") and inspect.isfunction(value)
    ]
    methods = [line for contract in IMPLEMENTED for line in _own_methods(contract)]
    listed = re.findall(r"^(?:recbench_\w+|[A-Z]\w+\.\w+)\(.*$", GUIDE.read_text(), re.MULTILINE)
    assert listed == hooks + methods


def _examples(folder: Path) -> dict[str, Path]:
    """The guide's files, written out: code blocks whose first line is a comment that names them."""
    files = {}
    for name, code in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL):
        files[name] = folder / name
        files[name].write_text(code)
    return files


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop's log: two tastes, 60 users, 30 items."""
    rng = np.random.default_rng(0)
    rows = [(u, i, 1) for u in range(60) for i in rng.choice(15, 8, replace=False) + 15 * (u % 2)]
    file = tmp_path / "shop.csv"
    file.write_text("user,item,rating\n" + "".join(f"u{u},i{i},{r}\n" for u, i, r in rows))
    return file


def test_the_guides_examples_run_as_files(tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = _examples(tmp_path)
    assert set(files) == {"damped.py", "echo.py", "quiet.py"}
    arguments = ["--dataset", str(shop), "--recommender", "./damped.py:Damped", "--seeds", "1", "--jobs", "1"]
    arguments += ["--attacker", "none", "--attacker", "./echo.py:Echo", "--defense", "none"]
    arguments += ["--defense", "./quiet.py:Quiet[threshold=3.0]", "--size", "0.1"]
    assert main(["run", "quick", *arguments]) == 0
    cells = Results.read(tmp_path / "runs" / "quick").to_pandas()
    assert set(cells["status"]) == {"ok"}
    assert set(zip(cells["attacker"], cells["defense"], strict=True)) == {
        (attacker, defense) for attacker in ("none", "echo") for defense in ("none", "quiet")
    }
