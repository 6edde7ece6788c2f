"""What must be the same on every machine that computes for one run, or one key would stand for two results."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "implicit", "cornac", "lenskit", "recbole")
"""Whose versions can move a float of a result; the last four need not be installed."""


def fingerprint() -> dict[str, str]:
    """Python, the packages that compute, and the source code of recbench and of every plugin's package, by name."""
    sources = {"recbench", *(entry.value.partition(".")[0] for entry in entry_points(group="recbench"))}
    return {**versions(), **{f"source of {name}": _source(name) for name in sources}}


@cache
def versions() -> Mapping[str, str]:
    """The versions of Python and of those packages that compute and are installed."""
    installed = {name: found for name in PACKAGES if (found := _version(name))}
    return {"python": platform.python_version(), **installed}


def _source(package: str) -> str:
    """sha256 of all Python files of a package, with their names; empty where it cannot be found."""
    spec = find_spec(package)
    hasher = hashlib.sha256()
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        for path in sorted(folder.rglob("*.py")):
            hasher.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    if spec is not None and spec.origin is not None:
        hasher.update(Path(spec.origin).read_bytes())
    return hasher.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
