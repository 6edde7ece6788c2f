"""The components that a suite's cells are made of, with what their plugins say of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from recbench.component import Component
from recbench.leaderboard.grid import AXES, NONE, Grid
from recbench.leaderboard.labels import key_of
from recbench.leaderboard.render import plain
from recbench.specs import ComponentSpec

SETS = ("provides", "requires_data", "requires_recommender", "knowledge", "goals", "feedback")


class Components:
    """The components of a grid, numbered.

    Args:
        grid: whose components.
        installed: what plugins offer now; a component that none offers any more has its name and parameters alone.
    """

    def __init__(self, grid: Grid, installed: Iterable[Component]) -> None:
        offered: dict[tuple[str, str], Component] = {(each.kind, each.name): each for each in installed}
        self._number: dict[tuple[str, str], int] = {}
        self._references: list[str] = []
        self.document: list[dict[str, Any]] = []
        for axis in AXES:
            for key, identity in sorted(_identities(grid, axis).items()):
                self._number[axis, key] = len(self.document)
                spec = ComponentSpec(identity["name"], identity["params"])
                self._references.append(shlex.quote(str(spec)))
                self.document.append(
                    {
                        "axis": axis,
                        "label": plain(grid.labels[axis][key]),
                        "none": identity["name"] == NONE,
                        "version": identity["version"],
                        "params": identity["params"],
                        "about": _about(offered.get((axis, identity["name"]))),
                    }
                )

    def numbers(self, question: Mapping[str, Any]) -> list[int]:
        """The components of a cell, by axis, as their places in the document."""
        return [self._number[axis, key_of(identity_of(question, axis))] for axis in AXES]

    def references(self, numbers: Iterable[int]) -> list[str]:
        """The components of these numbers with all their parameters, as words of a shell."""
        return [self._references[number] for number in numbers]


def identity_of(question: Mapping[str, Any], axis: str) -> dict[str, Any]:
    """Name, version and parameters of a cell's component."""
    return {"name": question["dataset"], **question["data"]} if axis == "dataset" else dict(question[axis])


def _identities(grid: Grid, axis: str) -> dict[str, dict[str, Any]]:
    identities = (identity_of(record["question"], axis) for record in grid.records)
    return {key_of(identity): identity for identity in identities}


def _about(component: Component | None) -> dict[str, Any] | None:
    if component is None:
        return None
    return {
        "summary": component.summary,
        "reference": component.reference,
        "family": component.family,
        "hardware": component.hardware,
        "factory": component.factory,
        "version": component.version,
    } | {name: sorted(getattr(component, name)) for name in SETS}
