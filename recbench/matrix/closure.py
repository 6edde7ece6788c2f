"""The source code behind a component: its module and the modules of the same package that it imports.

What it imports of recbench counts too, as far as that can move a number.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from recbench.factories import file_of
from recbench.sources import absolute, imports_of, source_of

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
    of the file and of the user's own modules that it imports.
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
            imported = {absolute(each, level, parent) for each, level in _read(source)[1]}
            pending |= {each for each in imported if _counts(each, package)} - reached
    return reached


def _counts(module: str, package: str) -> bool:
    if module.partition(".")[0] != "recbench":
        return module.partition(".")[0] == package
    return any(module == part or module.startswith(f"{part}.") for part in SHARED)


_source = cache(source_of)


@cache
def _read(source: Path) -> tuple[str, tuple[tuple[str, int], ...]]:
    """The hash of a file and what it imports, as (name, level of relative import)."""
    text = source.read_bytes()
    return hashlib.sha256(text).hexdigest(), tuple(imports_of(text))
