"""From what a user writes to what is checked: `bpr-mf`, `recommender:bpr-mf[dim=8]`, `./mine.py:Mine`."""

from __future__ import annotations

import re

from recbench.component import KINDS, Kind
from recbench.conformance.check import Subject
from recbench.errors import PluginError, suggestion, with_article
from recbench.plugins import Plugins
from recbench.specs import expand


def find(plugins: Plugins, reference: str, kind: str | None = None) -> Subject:
    """The one component that is meant.

    Args:
        plugins: what is installed.
        reference: a name, `KIND:NAME` or a path, with parameters in brackets where they differ from the defaults.
        kind: where several kinds have something of that name, or a class in a file implements no contract.

    Raises:
        PluginError: nothing is called so, or several things are.
    """
    head, colon, rest = reference.partition(":")
    if colon and head in KINDS:
        if kind not in (None, head):
            raise PluginError(f"'{reference}' names a {head}; the kind given is '{kind}'")
        kind, reference = head, rest
    if kind is not None and kind not in KINDS:
        raise PluginError(f"unknown kind '{kind}'{suggestion(kind, KINDS)}")
    found: dict[Kind, Subject] = {}
    refusals: list[PluginError] = []
    for each in KINDS:
        if kind in (None, each):
            try:
                subjects = [Subject(component, params) for component, params in expand(plugins, each, reference)]
            except PluginError as refusal:
                refusals.append(refusal)
                continue
            if len(subjects) > 1:
                raise PluginError(f"'{reference}' stands for {len(subjects)} components; check one at a time")
            found[each] = subjects[0]
    if len(found) > 1:
        kinds = " or ".join(map(with_article, found))
        raise PluginError(f"'{reference}' may be {kinds}; name the kind: {next(iter(found))}:NAME")
    if not found:
        raise _most_telling(plugins, reference, refusals)
    return next(iter(found.values()))


def _most_telling(plugins: Plugins, reference: str, refusals: list[PluginError]) -> PluginError:
    told = [refusal for refusal in refusals if "unknown " not in str(refusal)]
    if len(refusals) == 1:
        return refusals[0]
    if told:  # what all kinds have against it is no matter of one of them
        return PluginError(re.sub(rf"^({'|'.join(KINDS)}) '", "'", str(told[0])))
    known = [component.name for component in plugins.components()]
    return PluginError(f"nothing is called '{reference}'{suggestion(reference, known)}")
