"""Recommenders of other libraries by name: `implicit:als`, `recbole:BPR`, `lenskit:item-knn[max_nbrs=50]`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version

from recbench.component import Component, Kind, component_name
from recbench.errors import PluginError, suggestion

MODULES: Mapping[str, tuple[str, ...]] = {
    "implicit": ("implicit.cpu.als", "implicit.cpu.bpr", "implicit.cpu.lmf", "implicit.nearest_neighbours"),
    "cornac": ("cornac.models",),
    "lenskit": (
        "lenskit.als",
        "lenskit.basic",
        "lenskit.flexmf",
        "lenskit.funksvd",
        "lenskit.hpf",
        "lenskit.knn",
        "lenskit.sklearn.svd",
    ),
    "recbole": ("recbole.model.general_recommender", "recbole.model.sequential_recommender"),
}
"""Where each library keeps its models. One that needs a package which is not installed is no model."""

SUFFIX = re.compile(r"(?<=.)(Recommender|Scorer)$")


def is_library(reference: str) -> bool:
    """Whether a reference is `LIBRARY:MODEL`."""
    return reference.partition(":")[0] in MODULES


def from_library(kind: Kind, reference: str) -> Component:
    """The component that `LIBRARY:MODEL` stands for; its version is that of the library.

    A model is called as its class, less `Recommender` and `Scorer`, or as its module where that holds no other:
    `implicit:als` is `AlternatingLeastSquares` of `implicit.cpu.als`. Case and hyphens do not matter. Its parameters
    are those of the class and have the library's defaults.

    Raises:
        PluginError: another kind than a recommender, a library that is not installed or misses all that its models
            need, a model that it does not have.
    """
    library, _, model = reference.partition(":")
    if kind != "recommender":
        raise PluginError(f"{kind} '{reference}': the models of {library} are recommenders")
    extra = f"pip install 'recbench[{library}]'"
    try:
        import_module(library)
    except ModuleNotFoundError:
        raise PluginError(f"recommender '{reference}': {library} is not installed; {extra}") from None
    models = dict(_models(library))
    if not models:
        try:
            import_module(MODULES[library][0])
        except ModuleNotFoundError as error:
            raise PluginError(f"recommender '{reference}': {library} lacks a package: {error.msg}; {extra}") from None
    named = {_letters(alias): name for name, cls in models.items() for alias in (cls.__name__, _short(cls), name)}
    name = named.get(_letters(model))
    if name is None:
        raise PluginError(f"recommender '{reference}': {library} has no such model{suggestion(model, models)}")
    cls, released = models[name], version(library)
    return Component(
        "recommender",
        f"{library}.{name}",
        f"{cls.__module__}:{cls.__name__}",
        released,
        summary=f"{cls.__name__} of {library} {released}",
    )


def _models(library: str) -> Iterator[tuple[str, type]]:
    """What can be trained, by name."""
    for module in MODULES[library]:
        try:
            loaded = import_module(module)
            found = [getattr(loaded, name) for name in dir(loaded)]  # not `vars`: LensKit imports on demand
        except ModuleNotFoundError:
            continue
        trained = [each for each in found if getattr(each, "__module__", "").startswith(module) and _is_model(each)]
        for cls in trained:
            alone = len(trained) == 1 and cls.__module__ == module
            yield module.rpartition(".")[2] if alone else component_name(_short(cls)), cls


def _is_model(value: object) -> bool:
    """Whether it is a class to adapt; of LensKit's components only the scorers are, of RecBole's what has a loss."""
    if not isinstance(value, type) or inspect.isabstract(value):
        return False
    if hasattr(value, "fit") or hasattr(value, "calculate_loss"):
        return True
    return hasattr(value, "train") and value.__name__.endswith("Scorer")


def _short(cls: type) -> str:
    return SUFFIX.sub("", cls.__name__)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
