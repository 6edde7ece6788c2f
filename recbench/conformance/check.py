"""A check: one statement about a component that is true or is not."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from recbench.component import KINDS, Component, Kind
from recbench.errors import RecbenchError
from recbench.factories import explain
from recbench.specs import build

Status = Literal["passed", "failed", "not applicable"]
STATUSES: tuple[Status, ...] = get_args(Status)

MODULES = (
    "every_kind",
    "edges",
    "datasets",
    "recommenders",
    "problems",
    "attackers",
    "bilevel",
    "perturbers",
    "defenses",
    "metrics",
)
"""Where the checks are, one module a kind of thing."""
ONE_SIDED = 0.9
"""The level of an interval over few tasks of which one bound is asked about: that side errs in 5%."""


class Failed(Exception):
    """The statement is not true; the message says what was seen and what to do about it."""


class NotApplicable(Exception):
    """The statement says nothing about this component; the message says why."""


@dataclass(frozen=True)
class Subject:
    """What is checked: a component with the parameters that it is to be checked with."""

    component: Component
    params: Mapping[str, Any] = field(default_factory=dict)

    def build(self, **params: Any) -> Any:
        """An instance, with some parameters set otherwise.

        Raises:
            PluginError: the component cannot be imported or refuses its parameters.
        """
        return build(self.component, {**self.params, **params})


@dataclass(frozen=True)
class Check:
    """One statement, and the function that tries it.

    Args:
        name: the statement, as words: "fakes hold no item twice".
        kinds: of which kinds of component it is claimed.
        guards: the published mistakes that it rules out, by their number in docs/pitfalls.md.
        why: the mistake that it guards against, in a sentence or two.
        function: raises `Failed` or `NotApplicable`; any other exception fails the check as well. What it returns is
            a note on what was measured, shown where the check is passed.
        long: it takes longer than all others: where several run at once it starts first.
    """

    name: str
    kinds: tuple[Kind, ...]
    guards: tuple[str, ...]
    why: str
    function: Callable[[Subject], str | None]
    long: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one check of one component.

    Args:
        reason: why it failed or does not apply; where it passed, what was measured.
    """

    check: Check
    status: Status
    reason: str = ""


def check(
    *kinds: Kind, guards: tuple[str, ...] = (), long: bool = False
) -> Callable[[Callable[[Subject], str | None]], Check]:
    """Make a function a check of components of these kinds; its name is the statement, its docstring says why."""

    def made(function: Callable[[Subject], str | None]) -> Check:
        name = function.__name__.replace("_", " ")
        return Check(name, kinds or KINDS, guards, " ".join((function.__doc__ or "").split()), function, long)

    return made


def checks_of(kind: Kind) -> list[Check]:
    """All checks of one kind of component, in the order in which they are written down."""
    modules = [importlib.import_module(f"recbench.conformance.{module}") for module in MODULES]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Check))
    return [each for each in found if kind in each.kinds]


def perform(each: Check, subject: Subject) -> Outcome:
    """Try one check."""
    try:
        note = each.function(subject)
    except NotApplicable as reason:
        return Outcome(each, "not applicable", str(reason))
    except (Failed, RecbenchError) as reason:
        return Outcome(each, "failed", " ".join(str(reason).split()))
    except Exception as error:
        return Outcome(each, "failed", explain(error))
    return Outcome(each, "passed", note or "")
