"""References to components, as written in a suite or on the command line, and their parameters.

A reference is a name, a glob, a path or a model of a library, with parameters in brackets: `bpr-mf[dim=64,lr=0.01]`,
`item-*`, `./mine.py:MyModel[dim=32|64]`, `implicit:als[factors=64]`. In TOML it may be a table:
`{name = "bpr-mf", dim = [32, 64]}`. A defense may be a pipeline of two references: `pca-varselect+vat[eps=0.2]`.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from recbench.component import OPTION, Component, Kind
from recbench.errors import PluginError, suggestion
from recbench.factories import explain, resolve
from recbench.libraries import from_library, is_library
from recbench.local import from_path, is_path
from recbench.plugins import Plugins

_REFERENCE = re.compile(r"(?P<name>[^\[\]]+)(\[(?P<params>.*)\])?", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_UNBROKEN = r'"(?:[^"\\]|\\.)*"' + r"|'[^']*'|\[[^\]]*\]"
"""What no comma and no bar splits: strings and arrays."""

THEN = "+"
"""Between the detector and the robust training of a pipeline; no name of a component holds it."""
_PART = r"[^\[\]+]+(?:\[(?:" + _UNBROKEN + r"|[^\[\]\"'])*\])?\s*"
_PIPELINE = re.compile(rf"{_PART}(?:\+{_PART})+", re.DOTALL)


@dataclass(frozen=True)
class ComponentSpec:
    """A reference with one value for each parameter that it sets."""

    name: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """The reference as text, which `parse` reads back; of a pipeline, whose parameters are called `part.key`, what
        `parts_of` takes apart."""
        return THEN.join(self._part(name) for name in self.name.split(THEN))

    def _part(self, name: str) -> str:
        own = {key.rpartition("."): value for key, value in sorted(self.params.items())}
        values = {key: value for (part, _, key), value in own.items() if part in ("", name)}
        params = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        return f"{name}[{','.join(params)}]" if params else name


def parts_of(reference: str) -> list[str]:
    """The references that a pipeline is made of; of any other reference, itself alone."""
    if _PIPELINE.fullmatch(reference) is None:
        return [reference]
    return [part.strip() for part in re.findall(_PART, reference, re.DOTALL)]


def parse(reference: str | Mapping[str, Any]) -> list[ComponentSpec]:
    """Read a reference; alternatives (`dim=32|64`, in a table `dim = [32, 64]`) make a product.

    A value is a TOML scalar, an array of scalars, or a bare word for a string. In a table a list holds
    alternatives, so one array is written as a list within a list.

    Raises:
        PluginError: text that is no reference; the message quotes the part that is wrong.
    """
    if isinstance(reference, Mapping):
        table = dict(reference)
        name = table.pop("name", None)
        if not isinstance(name, str):
            raise PluginError(f"component {dict(reference)!r} needs a name, as in {{name = 'bpr-mf', dim = 64}}")
        choices = {key: value if isinstance(value, list) else [value] for key, value in table.items()}
    else:
        match = _REFERENCE.fullmatch(reference.strip())
        if match is None:
            raise PluginError(f"cannot read {reference!r}; expected NAME or NAME[parameter=value,…]")
        name = match["name"].strip()
        choices = _choices(reference, match["params"] or "")
    for key, values in choices.items():
        if not values:
            raise PluginError(f"'{name}': {key} has no alternatives")
        for value in values:
            _check(f"'{name}': {key}", value)
    combinations = itertools.product(*choices.values())
    return [ComponentSpec(name, dict(zip(choices, values, strict=True))) for values in combinations]


def _choices(reference: str, text: str) -> dict[str, list[Any]]:
    choices: dict[str, list[Any]] = {}
    for part in _split(text, ",") if text.strip() else []:
        key, equals, values = part.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise PluginError(f"cannot read {part!r} in {reference!r}; expected parameter=value")
        if key in choices:
            raise PluginError(f"{reference!r} sets {key} twice; write alternatives as {key}=1|2")
        choices[key] = [_value(reference, key, value) for value in _split(values, "|")]
    return choices


def _split(text: str, separator: str) -> list[str]:
    """Split at `separator` outside of strings and arrays."""
    found = re.finditer(f"{_UNBROKEN}|{re.escape(separator)}", text, re.DOTALL)
    cuts = [match.start() for match in found if match[0] == separator]
    return [text[start + 1 : end].strip() for start, end in itertools.pairwise([-1, *cuts, len(text)])]


def _value(reference: str, key: str, text: str) -> Any:
    if _WORD.fullmatch(text) and text not in ("true", "false", "inf", "nan"):
        return text
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        document = {}
    if set(document) != {"value"}:
        raise PluginError(f"cannot read {key}={text} in {reference!r}; expected a number, true, false or a string")
    return document["value"]


def _check(label: str, value: Any) -> None:
    """Values are what JSON and TOML have in common."""
    scalars = value if isinstance(value, list) else [value]
    for scalar in scalars:
        if not isinstance(scalar, str | bool | int | float):
            raise PluginError(f"{label} = {scalar!r}: expected a number, a boolean, a string or an array of these")
        if isinstance(scalar, float) and not math.isfinite(scalar):
            raise PluginError(f"{label} = {scalar!r}: expected a finite number")


def expand(plugins: Plugins, kind: Kind, reference: str | Mapping[str, Any]) -> list[tuple[Component, dict[str, Any]]]:
    """Every component that a reference stands for, with the parameters that it sets.

    Raises:
        PluginError: an unknown name, a glob without a match, a path that is no component, a component
            from a path with the name of an installed one, or a model of a library that is not there.
    """
    expanded = []
    at_path = cache(from_path)  # alternatives of a parameter are of one file, which is run afresh each time
    for spec in parse(reference):
        if is_library(spec.name):
            expanded.append((from_library(kind, spec.name), dict(spec.params)))
        elif is_path(spec.name):
            component, params = at_path(kind, spec.name)
            if component.name in {installed.name for installed in plugins.components(kind)}:
                raise PluginError(
                    f"{spec.name} would be called '{component.name}', as the {kind} of plugin "
                    f"'{plugins.provider(plugins.get(kind, component.name))}' is; rename the file or the class"
                )
            expanded.append((component, {**params, **spec.params}))
        else:
            expanded += [(component, dict(spec.params)) for component in plugins.select(kind, spec.name)]
    return expanded


def build(component: Component, params: Mapping[str, Any]) -> Any:
    """An instance of a component's class; `params` are values for its dataclass's fields.

    Types are strict, save that a whole number may stand for a float and a list for a tuple.

    Raises:
        PluginError: the class cannot be imported; a parameter is unknown, missing or of the wrong type;
            the class itself refuses it.
    """
    factory = _factory(component, params)
    # A worker is given all parameters, most of them as they are by default: those need no adapter, which is a
    # millisecond each.
    parameters = _parameters(factory)
    given = {key: value for key, value in params.items() if not _is_default(parameters[key], value)}
    return _make(component, factory, _validated(component, given, _adapters(component, factory, given)))


def resolved_params(component: Component, params: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters, defaults filled in, as sorted JSON values: equal for equal instances. Options are left out where
    they have their defaults, see `option`.

    Raises:
        PluginError: as `build`.
    """
    factory = _factory(component, params)
    adapters = _adapters(component, factory, _parameters(factory))
    instance = _make(component, factory, _validated(component, params, adapters))
    off = {
        field.name
        for field in dataclasses.fields(instance)
        if OPTION in field.metadata and getattr(instance, field.name) == field.default
    }
    return {
        key: _dump(component, key, adapter, getattr(instance, key))
        for key, adapter in sorted(adapters.items())
        if key not in off
    }


def _parameters(factory: type) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(factory) if field.init}


def _factory(component: Component, params: Mapping[str, Any]) -> type:
    """The class, which has these parameters and needs no other."""
    factory = resolve(component)
    label = _label(component)
    parameters = _parameters(factory)
    for key in params:
        if key not in parameters:
            raise PluginError(f"{label} has no parameter '{key}'{suggestion(key, parameters)}")
    for key, field in parameters.items():
        if key not in params and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise PluginError(f"{label} needs the parameter '{key}': {component.name}[{key}=…]")
    return factory


def _is_default(parameter: dataclasses.Field[Any], value: Any) -> bool:
    return type(value) is type(parameter.default) and value == parameter.default


def _adapters(component: Component, factory: type, keys: Iterable[str]) -> dict[str, TypeAdapter[Any]]:
    keys = list(keys)
    try:
        hints = typing.get_type_hints(factory, include_extras=True) if keys else {}
        return {key: TypeAdapter(hints[key]) for key in keys}
    except Exception as error:
        raise PluginError(
            f"{_label(component)}: the types of its parameters cannot be read: {explain(error)}"
        ) from error


def _validated(
    component: Component, params: Mapping[str, Any], adapters: Mapping[str, TypeAdapter[Any]]
) -> dict[str, Any]:
    label = _label(component)
    return {key: _validate(label, key, adapters[key], value) for key, value in params.items()}


def _make(component: Component, factory: type, values: Mapping[str, Any]) -> Any:
    try:
        return factory(**values)
    except PluginError as error:
        raise PluginError(f"{_label(component)}: {error}") from error
    except Exception as error:
        raise PluginError(f"{_label(component)}: {explain(error)}") from error


def _label(component: Component) -> str:
    return f"{component.kind} '{component.name}'"


def _validate(label: str, key: str, adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        # pydantic's strict mode for JSON: no "64" for 64, but a list for a tuple and 1 for 1.0.
        return adapter.validate_json(json.dumps(value, allow_nan=False), strict=True)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise PluginError(f"{label}: {key} = {value!r}: {message[0].lower()}{message[1:]}") from None
    except (TypeError, ValueError):
        raise PluginError(f"{label}: {key} = {value!r}: expected a value that JSON can hold") from None


def _dump(component: Component, key: str, adapter: TypeAdapter[Any], value: Any) -> Any:
    """A parameter as JSON, in one form only: a default of 1 for a float is 1.0, a set is sorted."""
    label = f"{component.kind} '{component.name}'"
    try:
        dumped = adapter.dump_python(value, mode="json", warnings="error")
        text = json.dumps(dumped, allow_nan=False)
        canonical = adapter.dump_python(adapter.validate_json(text, strict=True), mode="json")
    except (ValueError, TypeError) as error:
        raise PluginError(f"{label}: the default of '{key}' has no JSON form of its type: {explain(error)}") from error
    return sorted(canonical) if isinstance(value, set | frozenset) else canonical
