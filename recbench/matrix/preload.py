"""What workers start with: modules that are imported once a run, in place of once a stage.

Not more than stages need: what is loaded makes every fork dearer.
"""

from __future__ import annotations

from collections.abc import Iterable
from pkgutil import iter_modules

from recbench import evaluation
from recbench.component import Component
from recbench.execution.local import PRELOAD
from recbench.matrix.closure import imports_torch
from recbench.matrix.plan import KINDS

# pyarrow loads pandas when it first makes a scalar, for half a second; constraints of parameters load pydantic.types,
# for 36 ms. Modules of recbench are milliseconds each, which a stage of a small data set would notice.
STAGES_NEED = (
    "pandas",
    "pydantic.types",
    "recbench.adapters.factories",
    *(f"recbench.evaluation.{module.name}" for module in iter_modules(evaluation.__path__)),
    *(f"recbench.matrix.{kind}" for kind in KINDS),
)
COMPILER = "torch._dynamo"
"""What the first step of any of torch's optimizers loads, for 1.8 CPU seconds."""


def preloaded(components: Iterable[Component]) -> tuple[str, ...]:
    """The modules for the stages of these components: what all need, and what some of these do."""
    components = list(components)
    declared = sorted({module for component in components for module in component.libraries})
    trained = any(imports_torch(component.factory.partition(":")[0]) for component in components)
    return (*PRELOAD, *STAGES_NEED, *declared, *([COMPILER] if trained else []))
