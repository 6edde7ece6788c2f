"""The two identities of a result: the question that was asked, and the circumstances of the answer.

A cached answer counts only where both agree.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from recbench.execution.fingerprint import versions
from recbench.matrix.closure import closure_digest

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(document: Any) -> str:
    """The sha256 of a JSON document in its canonical form, hexadecimal."""
    return hashlib.sha256(_CANONICAL.encode(document).encode()).hexdigest()


def members(document: Mapping[str, Any]) -> dict[str, str]:
    """The canonical form of each member of a JSON object, in the order of the whole."""
    return {name: f"{_name(name)}:{_text(document[name])}" for name in sorted(document)}


def digest_of_members(texts: Mapping[str, str]) -> str:
    """`digest_of` the object whose members these are, all of them."""
    return hashlib.sha256(f"{{{','.join(texts.values())}}}".encode()).hexdigest()


@cache
def _name(name: str) -> str:
    """The canonical form of a name: they are few, and asked for in every cell."""
    return _CANONICAL.encode(name)


def _text(value: Any) -> str:
    """The canonical form of a value. The encoder writes numbers no differently, but takes long to start."""
    number = type(value) is int or (type(value) is float and math.isfinite(value))
    return repr(value) if number else _CANONICAL.encode(value)


def cell_id(question: Mapping[str, Any]) -> str:
    """The identity of a question: the same in the plan, in the record and on every machine."""
    return digest_of(question)[:20]


@dataclass(frozen=True)
class Circumstances:
    """Where and how widely a run computes."""

    device: str = "cpu"
    threads: int = 1

    def build(self, function: str, factories: Iterable[str]) -> str:
        """The identity of what a stage is computed with.

        Args:
            function: the stage's own function, `module:function`.
            factories: of the components that take part, `module:Class`.
        """
        return _build(self, (function, *factories))


@cache
def _build(circumstances: Circumstances, references: tuple[str, ...]) -> str:
    modules = {reference.partition(":")[0] for reference in references}
    sources = {module: closure_digest(module) for module in sorted(modules)}
    return digest_of({"sources": sources, "versions": versions(), **asdict(circumstances)})


def build_id(builds: Iterable[str]) -> str:
    """The identity of a cell's circumstances: those of all of its stages."""
    return _build_id(frozenset(builds))


@cache
def _build_id(builds: frozenset[str]) -> str:
    return digest_of(sorted(builds))[:20]
