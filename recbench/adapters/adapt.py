"""`adapt`: from any recommender to one that recbench can train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from recbench.adapters.cornac_models import Cornac
from recbench.adapters.implicit_models import Implicit
from recbench.adapters.lenskit_pipelines import LensKit
from recbench.adapters.plain import Plain, speaks_recbench
from recbench.adapters.recbole_models import RecBole
from recbench.contracts import Recommender
from recbench.errors import PluginError

LIBRARIES: Mapping[str, Callable[[Any], Recommender]] = {
    "implicit": Implicit,
    "cornac": Cornac,
    "lenskit": LensKit,
    "recbole": RecBole,
}
"""The adapter for objects of a library, by the library's top-level package; for RecBole, for classes."""


def adapt(model: object) -> Recommender:
    """A recommender that trains `model` afresh at every fit.

    One of recbench passes through. An object of implicit, Cornac or LensKit, told by the module of a class
    in its MRO, gets that library's adapter, and so does a class of RecBole's models; any other is `Plain`.

    Raises:
        PluginError: a class in place of an object, or an object that lacks what its adapter needs.
    """
    if isinstance(model, type) and library(model) != "recbole":
        raise PluginError(f"{model.__name__} is a class; hand over an object of it: {model.__name__}(…)")
    if isinstance(model, Recommender) or speaks_recbench(model):
        return cast(Recommender, model)
    return LIBRARIES.get(library(model if isinstance(model, type) else type(model)), Plain)(model)


def library(cls: type) -> str:
    """Whose adapter objects of the class get; empty for those of none."""
    packages = [base.__module__.partition(".")[0] for base in cls.__mro__]
    return next((package for package in packages if package in LIBRARIES), "")
