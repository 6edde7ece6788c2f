"""The installed component of an identity that a submission names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbench.component import Kind
from recbench.errors import DataError, PluginError
from recbench.matrix.choices import Choice, Resolver
from recbench.specs import resolved_params


class NotInstalledError(DataError):
    """A component, or this version of it, is not installed here: no fault of the submission."""


def installed(resolver: Resolver, kind: Kind, identity: Mapping[str, Any]) -> Choice:
    """The component of that name, with exactly these parameters; never one from a file.

    Raises:
        NotInstalledError: it is not here, or in another version, or does not take these parameters.
    """
    label = f"{kind} '{identity['name']}' version {identity['version']}"
    try:
        component = resolver.plugins.get(kind, identity["name"])
        if component.version != identity["version"]:
            raise NotInstalledError(f"{label} is not installed here; version {component.version} is")
        choice = Choice(component, resolved_params(component, identity["params"]))
    except PluginError as error:
        raise NotInstalledError(f"{label} is not installed here: {error}") from error
    if choice.identity != dict(identity):
        raise NotInstalledError(f"{label} has other parameters here")
    return choice
