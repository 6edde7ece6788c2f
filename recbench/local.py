"""Components without packaging: a class or an object in a Python file, or a file of poison profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from recbench.component import Component, Kind, component_name
from recbench.contracts.profiles import Profiles
from recbench.errors import PluginError, suggestion, with_article
from recbench.factories import digest, explain, load_file
from recbench.libraries import MODULES

POISON_FILE = "recbench_plugins.attackers.heuristic.poison_file:PoisonFile"

CONTRACTS: dict[str, tuple[Kind, str]] = {
    "Dataset": ("dataset", ""),
    "Recommender": ("recommender", ""),
    "Differentiable": ("recommender", "differentiable"),
    "PoisoningAttacker": ("attacker", "poisoning"),
    "EvasionAttacker": ("attacker", "evasion"),
    "ParameterAttacker": ("attacker", "parameter"),
    "Sanitizer": ("defense", "sanitizer"),
    "RobustTraining": ("defense", "robust-training"),
    "Metric": ("metric", ""),
}
"""Which kind a class of `recbench.contracts` belongs to and which capability it stands for."""

SETTABLE = frozenset(field.name for field in fields(Component)) - {"kind", "factory", "version"}


def is_path(reference: str) -> bool:
    """Whether a reference is a path (`./mine.py:MyModel`, `./profiles.npz`), not a name or a glob."""
    return "/" in reference or "\\" in reference or ":" in reference or reference.endswith(".npz")


def from_path(kind: Kind, reference: str) -> tuple[Component, dict[str, Any]]:
    """The component that a path stands for, and the parameters that the path gives it.

    Its version is the hash of the file and of the modules of the user's own that it imports. A recommender may also be
    an object or a function that returns one, and need not know of recbench (see `recbench.adapters`). A class may
    describe itself, or its module may, by `component = dict(provides={"persistent"}, knowledge={"queries"},
    goals={"push"}, …)`; what it leaves out is inferred from the contract that it implements, and an attacker is shown
    the `interactions`, asked for every goal and run on both tracks.

    Args:
        reference: `FILE.py:NAME`, or `FILE.npz` for an attacker.

    Raises:
        PluginError: no such file or class, a class of another kind, a file that cannot be run.
    """
    if reference.endswith(".npz"):
        if kind != "attacker":
            raise PluginError(f"{kind} '{reference}': a file of profiles is an attacker")
        path = _existing(kind, reference)
        Profiles.load(path)
        summary = f"the profiles in {path.name}"
        poison = Component(
            kind,
            component_name(path.stem),
            POISON_FILE,
            digest(path.read_bytes()),
            frozenset({"poisoning"}),
            family="file",
            summary=summary,
        )
        return poison, {"path": str(path)}
    file, _, name = reference.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        more = {"attacker": " or FILE.npz", "recommender": f" or LIBRARY:MODEL of {', '.join(MODULES)}"}
        expected = f"FILE.py:CLASS{more.get(kind, '')}"
        raise PluginError(f"{kind} '{reference}': expected {expected}")
    return _from_class(kind, _existing(kind, file), name), {}


def _existing(kind: Kind, file: str) -> Path:
    path = Path(file).expanduser()
    if not path.is_file():
        raise PluginError(f"{kind} '{file}': no such file in {Path.cwd()}")
    return path.resolve()


def _from_class(kind: Kind, path: Path, name: str) -> Component:
    label = f"{kind} '{path}:{name}'"
    try:
        module = load_file(path)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a user's file may also leave by SystemExit
        raise PluginError(f"{label}: the file cannot be run: {explain(error)}") from error
    named = getattr(module, name, None)
    makes_recommender = kind == "recommender" and (callable(named) or hasattr(named, "fit"))
    if not isinstance(named, type) and not makes_recommender:
        classes = {key: value for key, value in vars(module).items() if isinstance(value, type)}
        own = {key for key, value in classes.items() if value.__module__ == module.__name__}
        if name in vars(module):
            what = "a class, an object with fit or a function that returns one" if kind == "recommender" else "a class"
            raise PluginError(f"{label}: it is of type {type(named).__name__}; expected {what}")
        raise PluginError(f"{label}: no such class{suggestion(name, own)}")
    cls = named if isinstance(named, type) else type(named)
    contracts = [CONTRACTS[base.__name__] for base in cls.__mro__ if _is_contract(base)]
    if contracts and kind not in {of for of, _ in contracts}:
        raise PluginError(f"{label}: the class is {with_article(contracts[0][0])}")
    told = getattr(named, "component", None)  # of a class that knows nothing of recbench it may be anything
    described = dict(told if isinstance(told, Mapping) else getattr(module, "component", {}))
    for key in sorted(set(described) - SETTABLE):
        raise PluginError(f"{label}: component has an unknown key '{key}'{suggestion(key, SETTABLE)}")
    inferred: dict[str, Any] = {
        "name": component_name(name),
        "provides": {capability for of, capability in contracts if of == kind and capability},
        "knowledge": {"interactions"} if kind == "attacker" else set(),
        "summary": f"{name} of {path.name}",
    }
    return Component(
        kind, factory=f"{module.__name__}:{name}", version=vars(module)["__digest__"], **{**inferred, **described}
    )


def _is_contract(base: type) -> bool:
    return base.__module__.startswith("recbench.") and base.__name__ in CONTRACTS
