"""Mistakes beyond the one a check that `test_every_check.py` goes through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugins_broken import attackers, datasets, defenses, edges, metrics

from recbench.component import Component
from recbench.conformance import Subject, checks_of, perform
from recbench.conformance.shared import sharing

MODULES: tuple[Any, ...] = (attackers, datasets, defenses, edges, metrics)
MORE: list[tuple[str, Component]] = [
    (name, each) for module in MODULES for name, also in module.ALSO.items() for each in also
]


@pytest.mark.parametrize(("name", "component"), MORE, ids=[component.name for _, component in MORE])
def test_more_mistakes_fail_exactly_their_own_check(name: str, component: Component, tmp_path: Path) -> None:
    with sharing(tmp_path):
        outcomes = [perform(each, Subject(component)) for each in checks_of(component.kind)]
    failed = {each.check.name: each.reason for each in outcomes if each.status == "failed"}
    assert set(failed) == {name}, failed
