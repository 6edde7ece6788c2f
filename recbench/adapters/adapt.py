"""`adapt`: from any recommender to one that recbench can train."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from recbench.adapters.plain import Plain, speaks_recbench
from recbench.contracts import Recommender
from recbench.errors import PluginError

LIBRARIES = {
    "implicit": "recbench.adapters.implicit_models:Implicit",
    "cornac": "recbench.adapters.cornac_models:Cornac",
}
"""The adapter for objects of a library, by the library's top-level package."""


def adapt(model: object) -> Recommender:
    """A recommender that trains `model` afresh at every fit.

    One of recbench passes through. An object of implicit or Cornac, told by the module of a class
    in its MRO, gets that library's adapter; any other is `Plain`.

    Raises:
        PluginError: a class in place of an object, or an object that lacks what its adapter needs.
    """
    if isinstance(model, type):
        raise PluginError(f"{model.__name__} is a class; hand over an object of it: {model.__name__}(…)")
    if isinstance(model, Recommender) or speaks_recbench(model):
        return cast(Recommender, model)
    packages = [cls.__module__.partition(".")[0] for cls in type(model).__mro__]
    for package in packages:
        if package in LIBRARIES:
            module, _, name = LIBRARIES[package].partition(":")
            adapter: Any = getattr(import_module(module), name)
            return cast(Recommender, adapter(model))
    return Plain(model)
