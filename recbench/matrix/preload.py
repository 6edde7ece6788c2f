"""What workers start with: modules that are imported once a run, in place of once a stage.

Not more than stages need: what is loaded makes every fork dearer, torch and pandas by half.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pkgutil import iter_modules

from recbench import evaluation
from recbench.component import Component
from recbench.contracts import OF_TORCH
from recbench.execution.local import PRELOAD
from recbench.matrix.closure import imported
from recbench.matrix.plan import KINDS

# Constraints of parameters load pydantic.types, for 36 ms. Modules of recbench are milliseconds each, which a stage of
# a small data set would notice.
STAGES_NEED = (
    "pydantic.types",
    "recbench.adapters.factories",
    *(f"recbench.evaluation.{module.name}" for module in iter_modules(evaluation.__path__)),
    *(f"recbench.matrix.{kind}" for kind in KINDS),
)
TABLES = ("pandas", "pyarrow", "recbench.data.readers", "recbench.matrix.own_data")
"""Pyarrow loads pandas when it first makes a scalar, for half a second; all that reads files loads pyarrow."""
TORCH = ("torch", *OF_TORCH.values(), *(f"recbench.contracts.{name}" for name in OF_TORCH))
COMPILER = "torch._dynamo"
"""What the first step of any of torch's optimizers loads, for 1.8 CPU seconds."""


def preloaded(components: Iterable[Component]) -> tuple[str, ...]:
    """The modules for the stages of these components: what all need, and what some of these do."""
    components = list(components)
    declared = sorted({module for component in components for module in component.libraries})
    modules = {component.factory.partition(":")[0] for component in components}
    names = modules.union(*map(imported, modules))
    needed: list[str] = []
    if _any_in(names, TABLES):
        needed += ["pandas", "recbench.data.readers"]
    if _any_in(names, TORCH):
        needed += ["torch", COMPILER]
    elif "torch" in sys.modules:  # a component may have brought it by a library
        needed.append("torch")
    return (*PRELOAD, *STAGES_NEED, *declared, *needed)


def _any_in(names: Iterable[str], modules: Iterable[str]) -> bool:
    """Whether a name is one of the modules or in one."""
    return any(name == module or name.startswith(f"{module}.") for name in names for module in modules)
