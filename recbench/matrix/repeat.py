"""Stage `repeat`: do what another stage did once more, in another process, and say whether the same came out.

A result that is not the same twice holds noise of its own making, which no seed pairs away. A/A twins do not show it:
they differ in the permutation of the users, and so in everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from recbench.matrix.measure import StageFunction, measured
from recbench.store import Artifact


@measured
def repeat(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Do a stage again.

    Args:
        arguments: `kind` and `arguments` of the stage.
        inputs: those of the stage; `first`, what it made of them.

    Returns:
        No arrays; `same` in the metadata: whether every array and the metadata are equal, bit for bit.
    """
    kind = arguments["kind"]
    stage: StageFunction = getattr(import_module(f"recbench.matrix.{kind}"), kind)
    again = stage(arguments["arguments"], {name: given for name, given in inputs.items() if name != "first"})
    return Artifact(meta={"same": again.digest == inputs["first"].digest})
