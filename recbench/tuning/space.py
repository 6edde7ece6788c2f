"""`Space`: which values of a component's parameters are worth trying, read off their types."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import TypeAdapter

from recbench.component import Component
from recbench.errors import SuiteError
from recbench.factories import resolve
from recbench.local import is_path
from recbench.plugins import Plugins
from recbench.specs import ComponentSpec, expand, parse, resolved_params

EFFORT = frozenset({"epochs", "iterations", "every", "patience"})
"""Parameters that say how long training goes on. More of it is bought, not found, and early stopping chooses an epoch
on validation anyway, so they stay as they are unless the reference gives alternatives."""

REAL_FACTOR = 10
WHOLE_FACTOR = 4
"""How far from its default, up and down, a number is searched whose type has no upper end. Whole numbers are mostly
sizes, with which the cost grows."""

EDGE = 0.01
"""The share of an interval that is left out at an end which its type excludes: a dropout of almost 1."""


@dataclass(frozen=True, eq=False)
class Space:
    """A component and what may become of its parameters.

    Args:
        component: a recommender.
        name: as a suite would write it: a name or a path.
        fixed: parameters that the reference sets to one value.
        searched: the distribution of every parameter that is searched.
        default: of each of these; the first trial.
        kept: the parameters that stay at their defaults, and why.
    """

    component: Component
    name: str
    fixed: Mapping[str, Any]
    searched: Mapping[str, BaseDistribution]
    default: Mapping[str, Any]
    kept: Mapping[str, str]

    def rounded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with their reals cut to four digits, which is all that a search can tell apart."""
        return {key: _rounded(value, self.searched[key]) for key, value in values.items()}

    def reference(self, values: Mapping[str, Any]) -> str:
        """The component with these values of what is searched, as a suite writes it."""
        return str(ComponentSpec(self.name, {**self.fixed, **values}))


def _rounded(value: Any, of: BaseDistribution) -> Any:
    return min(max(float(f"{value:.4g}"), of.low), of.high) if isinstance(of, FloatDistribution) else value


def in_words(of: BaseDistribution) -> str:
    """`25 to 400, logarithmic`."""
    if isinstance(of, CategoricalDistribution):
        return " or ".join(json.dumps(choice) for choice in of.choices)
    assert isinstance(of, FloatDistribution | IntDistribution)
    return f"{of.low:g} to {of.high:g}" + (", logarithmic" if of.log else "")


def spaces(plugins: Plugins, reference: str) -> list[Space]:
    """The space of every recommender that a reference stands for.

    `bpr-mf` leaves all of its parameters open, `bpr-mf[dim=64]` fixes one, `bpr-mf[dim=32|64]` offers a choice.

    Raises:
        PluginError: an unknown name, or a parameter that is unknown or cannot have a value that is given.
        SuiteError: nothing is left to search.
    """
    choices: dict[str, list[Any]] = {}
    for spec in parse(reference):
        for key, value in spec.params.items():
            found = choices.setdefault(key, [])
            if value not in found:
                found.append(value)
    components = {component.name: component for component, _ in expand(plugins, "recommender", reference)}
    return [
        _space(component, spec.name if is_path(spec.name) else component.name, choices)
        for component in components.values()
    ]


def _space(component: Component, name: str, choices: Mapping[str, list[Any]]) -> Space:
    fixed = {key: values[0] for key, values in choices.items() if len(values) == 1}
    for key, values in choices.items():
        for value in values:  # refuse an impossible one before anything runs
            resolved_params(component, {**fixed, key: value})
    firsts = {key: values[0] for key, values in choices.items()}
    defaults = resolved_params(component, firsts) | resolved_params(component, fixed)
    hints = typing.get_type_hints(resolve(component), include_extras=True)
    searched: dict[str, BaseDistribution] = {}
    kept: dict[str, str] = {}
    for key in (defaults.keys() | choices.keys()) - fixed.keys():  # options are no defaults
        if key in choices:
            searched[key] = CategoricalDistribution(choices[key])
        elif key in EFFORT:
            kept[key] = "it says how long to train"
        else:
            found = distribution(TypeAdapter(hints[key]).json_schema(), defaults[key])
            if isinstance(found, str):
                kept[key] = found
            else:
                searched[key] = found
    if not searched:
        raise SuiteError(
            f"recommender '{component.name}' has nothing to search"
            + "".join(f"; {key} is kept: {reason}" for key, reason in sorted(kept.items()))
            + f". Give alternatives, as in {component.name}[NAME=1|10], or leave it out"
        )
    default = {key: _among(defaults.get(key), choices[key]) if key in choices else defaults[key] for key in searched}
    return Space(component, name, fixed, dict(sorted(searched.items())), default, kept)


def _among(default: Any, choices: list[Any]) -> Any:
    """The default where it is one of the choices, else the first of them."""
    return default if default in choices else choices[0]


def distribution(schema: Mapping[str, Any], default: Any) -> BaseDistribution | str:
    """What is searched for a parameter of a type, or why nothing is.

    An interval is searched evenly; a number without an upper end, like `PositiveFloat`, on a logarithmic scale around
    its default.

    Args:
        schema: JSON schema of the parameter's type.
        default: its value where nothing is set.
    """
    if "enum" in schema:
        return CategoricalDistribution(schema["enum"])
    if schema.get("type") == "boolean":
        return CategoricalDistribution([False, True])
    if schema.get("type") not in ("integer", "number"):
        return "its type is not a number, a boolean or one of given words"
    whole = schema["type"] == "integer"
    low, high = _end(schema, "minimum", "exclusiveMinimum"), _end(schema, "maximum", "exclusiveMaximum")
    if low is not None and high is not None:
        margin = 1 if whole else EDGE * (high - low)
        low += margin * ("exclusiveMinimum" in schema)
        high -= margin * ("exclusiveMaximum" in schema)
        return IntDistribution(round(low), round(high)) if whole else FloatDistribution(low, high)
    if default <= 0:
        return f"its default of {default:g} does not say on what scale to search"
    factor = WHOLE_FACTOR if whole else REAL_FACTOR
    least, most = default / factor, default * factor
    if low is not None:
        least = max(least, low)
    if high is not None:
        most = min(most, high)
    if whole:
        return IntDistribution(max(1, round(least)), round(most), log=True)
    return FloatDistribution(least, most, log=True)


def _end(schema: Mapping[str, Any], closed: str, opened: str) -> float | None:
    end: float | None = schema.get(closed, schema.get(opened))
    return end
