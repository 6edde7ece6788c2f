"""Imports run one way, plugins see the contracts only, and listing them is light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import recbench

HARNESS = Path(recbench.__file__).parent
PLUGINS = HARNESS.parent / "plugins" / "recbench_plugins"

LAYERS = [
    {"", "component", "errors", "seeds", "sources"},  # "" is recbench/__init__.py
    {"hookspecs", "data"},
    {"contracts", "adapters", "factories"},
    {"store", "evaluation", "plugins", "libraries", "local", "specs", "scaffold"},
    {"matrix", "execution"},
    {
        "leaderboard",
        "throughput",
        "conformance",
        "results",
        "running",
        "upkeep",
        "report",
        "auditing",
        "submission",
        "tuning",
    },
    {"cli"},
]
"""From the ground up. A part imports from its own layer, one way, and from those below."""

LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}


def imports(path: Path, package: str) -> Iterator[str]:
    """Dotted names of everything that a file imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            module = (base + (node.module or "")).rstrip(".")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part(name: str) -> str:
    """The part of the harness that `recbench.a.b` belongs to; names of recbench/__init__.py belong to ""."""
    head = name.split(".")[1] if "." in name else ""
    return head if (HARNESS / head).is_dir() or (HARNESS / f"{head}.py").is_file() else ""


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def package(path: Path) -> str:
    return ".".join(path.parent.relative_to(HARNESS.parent).parts)


def of_harness(path: Path) -> set[str]:
    return {name for name in imports(path, package(path)) if name.split(".")[0] == "recbench"}


def edges() -> set[tuple[str, str]]:
    """Which part of the harness imports which other part."""
    found = set()
    for path in files(HARNESS):
        importer = path.relative_to(HARNESS).parts[0].removesuffix(".py")
        importer = "" if importer == "__init__" else importer
        found |= {(importer, part(name)) for name in of_harness(path)}
    return {(importer, imported) for importer, imported in found if importer != imported}


def test_every_part_of_the_harness_has_its_layer():
    parts = {path.relative_to(HARNESS).parts[0].removesuffix(".py") for path in files(HARNESS)} - {"__init__"}
    assert parts <= set(LEVEL)


def test_imports_run_one_way():
    found = edges()
    assert ("cli", "plugins") in found
    assert ("contracts", "data") in found
    assert {edge for edge in found if LEVEL[edge[0]] < LEVEL[edge[1]]} == set()
    assert {edge for edge in found if edge[::-1] in found} == set()


def test_the_harness_imports_no_plugin():
    offenders = [
        path.name
        for path in files(HARNESS)
        for name in imports(path, package(path))
        if name.startswith("recbench_plugins")
    ]
    assert offenders == []


def test_plugins_import_contracts_data_evaluation_and_adapters_only():
    allowed = {"contracts", "data", "evaluation", "adapters"}
    lists = {
        PLUGINS / kind / "__init__.py" for kind in ("datasets", "recommenders", "attackers", "defenses", "metrics")
    }
    offenders = {
        (str(path.relative_to(PLUGINS)), name)
        for path in set(files(PLUGINS)) - lists
        for name in of_harness(path)
        if part(name) not in allowed
    }
    assert offenders == set()
    assert {part(name) for path in lists for name in of_harness(path)} == {"hookspecs"}


@pytest.mark.parametrize("arguments", [["--help"], ["plugins"], ["plugins", "--help"], ["--version"]], ids=" ".join)
def test_listing_imports_nothing_heavy(arguments):
    code = "import sys; from recbench.cli import main; code = main(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
    finished = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    modules = set(finished.stdout.splitlines()[-1].split())
    assert "recbench.cli" in modules
    assert modules & {"torch", "pandas", "scipy", "numpy", "pyarrow", "ray"} == set()
