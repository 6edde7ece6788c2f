"""What a name in a file may stand for: a class, an object, or a function that returns an object."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from dataclasses import field, is_dataclass, make_dataclass
from functools import partial
from typing import Any, cast

from recbench.adapters.adapt import adapt, library
from recbench.adapters.lenskit_pipelines import configuration
from recbench.adapters.plain import EXPECTED, speaks_recbench
from recbench.adapters.recbole_models import RecBole, defaults
from recbench.contracts import FitContext, Recommender, Scorer
from recbench.data import Interactions
from recbench.errors import PluginError

Field = tuple[str, Any, Any]


def is_object(value: object) -> bool:
    """Whether `value` is a recommender itself, as opposed to a class or a function that makes one."""
    return hasattr(value, "fit") and not isinstance(value, type)


def recommender_class(factory: Any, name: str) -> type:
    """The dataclass for what `name` stands for in its module.

    A dataclass is returned as it is, unless its `fit` is that of a plain object. For any other class, and
    for a function, the fields are the parameters that it takes by keyword and whose defaults JSON can hold; for a
    class of RecBole's models they are its settings; an object has none. An instance makes the object once, adapts
    it, and trains a copy at every fit.

    Args:
        factory: a class or an object with `fit`, or a function that returns such an object.
        name: what to call the dataclass.

    Raises:
        PluginError: it is none of these. What else an object may lack shows when it is made.
    """
    native = isinstance(factory, type) and is_dataclass(factory)
    if native and (not hasattr(factory, "fit") or issubclass(factory, Recommender) or speaks_recbench(factory)):
        return cast(type, factory)
    known = isinstance(factory, type) and library(factory)
    if not (known or hasattr(factory, "fit")) and (isinstance(factory, type) or not callable(factory)):
        raise PluginError(f"{name} is no recommender: it has no fit; {EXPECTED}")
    fields = [] if is_object(factory) else list(_fields(factory))

    def adapted(self: Any) -> None:
        values = {name: getattr(self, name) for name, *_ in fields}
        object.__setattr__(self, "_adapted", adapt(_made(factory, values)))

    def fit(self: Any, train: Interactions, ctx: FitContext) -> Scorer:
        scorer: Scorer = self._adapted.fit(train, ctx)
        return scorer

    members = {"__doc__": factory.__doc__, "__module__": __name__, "__post_init__": adapted, "fit": fit}
    return make_dataclass(name, fields, bases=(Recommender,), namespace=members, frozen=True)


def _fields(factory: Any) -> Iterator[Field]:
    """A field for each parameter; required ones first, as dataclasses want them."""
    if _of_recbole(factory):
        for name, value in defaults(factory).items():
            if name.isidentifier() and _in_json(value):
                yield name, Any, field(default_factory=partial(copy.copy, value))
        return
    try:
        parameters = inspect.signature(configuration(factory) or factory).parameters.values()
    except ValueError:  # a compiled class need not have a signature
        return
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    yield from ((each.name, Any, field()) for each in named if each.default is each.empty)
    for each in named:
        if each.default is not each.empty and _in_json(each.default):
            yield each.name, Any, field(default_factory=partial(copy.copy, each.default))


def _made(factory: Any, values: dict[str, Any]) -> Any:
    """What to adapt; a model of RecBole's is made when its data is there."""
    if _of_recbole(factory):
        return RecBole(factory, values)
    return factory if is_object(factory) else factory(**values)


def _of_recbole(factory: Any) -> bool:
    return isinstance(factory, type) and library(factory) == "recbole"


def _in_json(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_in_json, value))
    return value is None or isinstance(value, bool | int | float | str)
