"""From the description of a component in a stage's arguments to the object that does the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from recbench.component import Component
from recbench.seeds import start_generators
from recbench.specs import build

# The first adapter of a process has pydantic look for plugins of its own in every installed package, for some 15 CPU
# milliseconds: made here, once for all workers, since they start with this module.
TypeAdapter(int)


def component_of(spec: Mapping[str, Any]) -> Component:
    """The component of a `Choice.spec`, as far as building it needs one."""
    return Component(spec["kind"], spec["name"], spec["factory"], spec["version"])


def instance(spec: Mapping[str, Any]) -> Any:
    """The instance that a `Choice.spec` describes.

    Raises:
        PluginError: it cannot be imported or built.
    """
    return build(component_of(spec), spec["params"])


def recommender_of(spec: Mapping[str, Any], seed: int) -> Any:
    """The recommender that a `Choice.spec` describes, for a fit that begins now.

    A model of the user's may draw from the global generators and never seed them. They start from the fit's seed, so
    that it is trained alike in every process and however often in one, and otherwise by another split's seed.

    Raises:
        PluginError: it cannot be imported or built.
    """
    start_generators(seed)
    recommender = instance(spec)
    start_generators(seed)  # torch, too, if it has just been imported
    return recommender
