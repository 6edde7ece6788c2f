"""Python source, found and read without being imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

SHIPPED = ("recbench", "recbench_plugins")
"""Packages whose code has versions of its own, wherever it lies."""


def source_of(module: str) -> Path | None:
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


def imports_of(text: bytes) -> Iterator[tuple[str, int]]:
    """What source text imports, as (name, level of relative import); names in modules come as if they were modules.

    Raises:
        SyntaxError: it is no Python.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield base, node.level
            yield from ((f"{base}.{alias.name}".lstrip("."), node.level) for alias in node.names)


def absolute(name: str, level: int, parent: str) -> str:
    """The name that an import in a module of the package `parent` means."""
    if level == 0:
        return name
    base = parent.split(".")[: len(parent.split(".")) - level + 1]
    return ".".join([*base, name] if name else base)


def own_modules(text: bytes) -> dict[str, bytes]:
    """The source of the user's own modules that source text reaches, by name: neither Python's nor a package's."""
    found: dict[str, bytes] = {}
    foreign = {*SHIPPED, *sys.stdlib_module_names}
    pending = list(_named(text, ""))
    while pending:
        name = pending.pop()
        if name in found or (package := name.partition(".")[0]) in foreign:
            continue
        source = source_of(name)
        if source is not None and _is_own(source):
            found[name] = source.read_bytes()
            pending += _named(found[name], name if source.name == "__init__.py" else name.rpartition(".")[0])
        elif name == package and source is not None:
            foreign.add(package)
    return dict(sorted(found.items()))


def _named(text: bytes, parent: str) -> Iterator[str]:
    """The modules that source text may import, and their packages."""
    try:
        names = {absolute(name, level, parent) for name, level in imports_of(text)}
    except SyntaxError:  # whoever imports it hears of it
        return
    for name in names:
        parts = name.split(".")
        # The package last: it is looked up first.
        yield from (".".join(parts[:length]) for length in range(len(parts), 0, -1))


def _is_own(source: Path) -> bool:
    path = source.resolve()
    return path.suffix == ".py" and {"site-packages", "dist-packages"}.isdisjoint(path.parts)
