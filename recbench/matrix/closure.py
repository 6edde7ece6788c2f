"""The source code behind a component: its module and the modules of the same package that it imports.

What it imports of recbench counts too, as far as that can move a number.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from recbench.factories import file_of

SHARED = (
    "recbench.adapters",
    "recbench.contracts",
    "recbench.data",
    "recbench.evaluation",
    "recbench.matrix",
    "recbench.seeds",
)
"""The parts of recbench that can move a number. The rest (the command line, the store) cannot."""

ADAPTING = "recbench.adapters.factories"


@cache
def closure_digest(module: str) -> str:
    """The hash of all source text that `module` reaches in its own top-level package and in recbench, unimported.

    To what reaches nothing of recbench, such as a module of another library, is added what may adapt its recommenders.
    Of a module that is found nowhere, such as a user's file, this is all: its component's version is already the hash
    of the file.
    """
    hasher = hashlib.sha256()
    reached = _reach(module)
    if not any(_source(name) for name in reached if name.startswith("recbench.")):
        reached |= _reach(ADAPTING)
    for name in sorted(reached):
        source = _source(name)
        if source is not None:
            hasher.update(f"{name} {_read(source)[0]}\n".encode())
    return hasher.hexdigest()


def imported(module: str) -> set[str]:
    """What the source of a module, or what of its own package it imports, imports: modules, and names in them."""
    package = module.partition(".")[0]
    sources = [_source(name) for name in _reach(module) if name.partition(".")[0] == package]
    if (file := file_of(module)) is not None:
        sources.append(file)
    return {name for file in sources if file for name, _ in _read(file)[1]}


def _reach(module: str) -> set[str]:
    """The modules of the closure; names that turn out to be no modules among them."""
    package = module.partition(".")[0]
    reached: set[str] = set()
    pending = {module}
    while pending:
        name = pending.pop()
        reached.add(name)
        source = _source(name)
        if source is not None:
            parent = name if source.name == "__init__.py" else name.rpartition(".")[0]
            imported = {_absolute(each, level, parent) for each, level in _read(source)[1]}
            pending |= {each for each in imported if _counts(each, package)} - reached
    return reached


def _counts(module: str, package: str) -> bool:
    if module.partition(".")[0] != "recbench":
        return module.partition(".")[0] == package
    return any(module == part or module.startswith(f"{part}.") for part in SHARED)


def _absolute(name: str, level: int, parent: str) -> str:
    if level == 0:
        return name
    base = parent.split(".")[: len(parent.split(".")) - level + 1]
    return ".".join([*base, name] if name else base)


@cache
def _source(module: str) -> Path | None:
    """The file of a module, looked up beside its package: `find_spec` of a submodule would import the package."""
    package, *rest = module.split(".")
    try:
        spec = find_spec(package)
    except ValueError:  # a user's file, which is in sys.modules without having been found anywhere
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *rest)
        for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


@cache
def _read(source: Path) -> tuple[str, tuple[tuple[str, int], ...]]:
    """The hash of a file and what it imports, as (name, level of relative import)."""
    text = source.read_bytes()
    return hashlib.sha256(text).hexdigest(), tuple(_imports(ast.parse(text)))


def _imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield base, node.level
            yield from ((f"{base}.{alias.name}".lstrip("."), node.level) for alias in node.names)
