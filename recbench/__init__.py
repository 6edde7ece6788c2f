"""recbench: how recommender systems behave under attack.

From Python, `recbench.run("quick")` runs a suite, `recbench.Results.read("runs/quick")` reads what a run has found, and
`recbench.audit(model, "log.csv")` attacks one's own recommender on one's own data.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

RECBENCH_API = 1
"""The version of the plugin contracts. A plugin that asks for another one is reported as incompatible."""

_FACE = {"audit": "recbench.auditing", "run": "recbench.running", "Results": "recbench.results"}
"""Imported when it is asked for: the rest of recbench starts without it."""


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'recbench' has no attribute '{name}'")
    return getattr(importlib.import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_FACE})
