"""Labels: how a table names a component. Its name, and the parameters that set it apart from its variants."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from recbench.specs import ComponentSpec

Identity = Mapping[str, Any]
"""`name`, `version` and `params` of a component, as a cell's question holds them."""


def key_of(identity: Identity) -> str:
    """Equal for equal components."""
    return json.dumps(identity, sort_keys=True)


def labels(identities: Iterable[Identity]) -> dict[str, str]:
    """The label of every component by its `key_of`; different components have different labels."""
    variants: defaultdict[str, dict[str, Identity]] = defaultdict(dict)
    for identity in identities:
        variants[identity["name"]][key_of(identity)] = identity
    return {key: _label(one, list(group.values())) for group in variants.values() for key, one in group.items()}


def _label(identity: Identity, variants: list[Identity]) -> str:
    def shared(parameter: str, value: Any) -> bool:
        # As text: to Python 1, 1.0 and True are equal, and ask for different things.
        text = json.dumps(value)
        params = (other["params"] for other in variants)
        return all(parameter in each and json.dumps(each[parameter]) == text for each in params)

    params = {parameter: value for parameter, value in identity["params"].items() if not shared(parameter, value)}
    versions = {other["version"] for other in variants}
    version = f" version {identity['version']}" if len(versions) > 1 else ""
    return str(ComponentSpec(identity["name"], params)) + version
