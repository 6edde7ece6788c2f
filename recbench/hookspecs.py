"""The hooks that a plugin implements: five that offer components and one that watches.

A plugin is a module named by an entry point of the group `recbench`:

    [project.entry-points.recbench]
    my-plugin = "my_package"

Its functions marked `hookimpl` yield `Component`s. A component names its class as a string, so this
module, and the module of the entry point, import nothing heavy. A plugin may set `RECBENCH_API = 1`;
where that is not the version of the installed recbench, the plugin is reported and left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from recbench.component import Component

__all__ = [
    "GROUP",
    "Component",
    "hookimpl",
    "recbench_attackers",
    "recbench_cell_finished",
    "recbench_datasets",
    "recbench_defenses",
    "recbench_metrics",
    "recbench_recommenders",
]

GROUP = "recbench"
"""The entry-point group."""

hookimpl = pluggy.HookimplMarker("recbench")
"""Marks a plugin's function as the implementation of the hook that it is named after."""

hookspec = pluggy.HookspecMarker("recbench")


@hookspec
def recbench_datasets() -> Iterable[Component]:
    """Data sets: classes that implement `recbench.contracts.Dataset`.

    `provides` says what the data holds: `ratings`, `timestamps`, `titles`, `genres`, `texts`, `categories`, and
    `split` where its publisher made one.

    >>> from recbench.hookspecs import Component, hookimpl
    >>> @hookimpl
    ... def recbench_datasets():
    ...     yield Component("dataset", "my-shop", "my_package.shop:Shop", provides={"timestamps"})
    >>> [component.name for component in recbench_datasets()]
    ['my-shop']
    """
    return ()


@hookspec
def recbench_recommenders() -> Iterable[Component]:
    """Recommenders, the victims: classes that implement `recbench.contracts.Recommender`.

    `provides` declares capabilities: `differentiable`, `sequential`, `ratings`, `persistent`.

    >>> from recbench.hookspecs import Component, hookimpl
    >>> @hookimpl
    ... def recbench_recommenders():
    ...     yield Component("recommender", "my-mf", "my_package.mf:MyMF", provides={"differentiable"})
    >>> [sorted(component.provides) for component in recbench_recommenders()]
    [['differentiable']]
    """
    return ()


@hookspec
def recbench_attackers() -> Iterable[Component]:
    """Attackers: classes that implement one of `recbench.contracts`' three kinds of attacker.

    `provides` says which: `poisoning`, `evasion` or `parameter`. `knowledge` is all that the attacker
    will be shown.

    >>> from recbench.hookspecs import Component, hookimpl
    >>> @hookimpl
    ... def recbench_attackers():
    ...     yield Component(
    ...         "attacker",
    ...         "my-attack",
    ...         "my_package.attack:MyAttack",
    ...         provides={"poisoning"},
    ...         knowledge={"interactions", "surrogate"},
    ...         family="gradient",
    ...     )
    >>> [component.box for component in recbench_attackers()]
    ['gray']
    """
    return ()


@hookspec
def recbench_defenses() -> Iterable[Component]:
    """Defenses: classes that implement `recbench.contracts.Sanitizer` or `RobustTraining`.

    `provides` says which: `sanitizer` or `robust-training`; and `supervised`, if it learns from `ctx.examples`.
    `requires_recommender` lists the capabilities that the protected victim must have.

    >>> from recbench.hookspecs import Component, hookimpl
    >>> @hookimpl
    ... def recbench_defenses():
    ...     yield Component("defense", "my-filter", "my_package.filter:MyFilter", provides={"sanitizer"})
    >>> [component.kind for component in recbench_defenses()]
    ['defense']
    """
    return ()


@hookspec
def recbench_metrics() -> Iterable[Component]:
    """Metrics: classes that implement `recbench.contracts.Metric`.

    >>> from recbench.hookspecs import Component, hookimpl
    >>> @hookimpl
    ... def recbench_metrics():
    ...     yield Component("metric", "novelty", "my_package.novelty:Novelty", summary="mean self-information")
    >>> [component.factory for component in recbench_metrics()]
    ['my_package.novelty:Novelty']
    """
    return ()


@hookspec
def recbench_cell_finished(record: dict[str, Any]) -> None:
    """Called after every cell of a run, in the process that runs the matrix.

    An observer that raises is reported and the run goes on; what it does to `record`, a copy, is lost.

    Args:
        record: the cell as it is stored, with its `cell_id` and `status`.

    >>> from recbench.hookspecs import hookimpl
    >>> @hookimpl
    ... def recbench_cell_finished(record):
    ...     print(record["cell_id"], record["status"])
    >>> recbench_cell_finished({"cell_id": "1f0c", "status": "timeout"})
    1f0c timeout
    """
