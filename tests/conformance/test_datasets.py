"""What the checks of data sets let pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plugins_broken.datasets import Clicks, Written

from recbench.component import Component
from recbench.conformance import Subject, checks_of, perform
from recbench.conformance.shared import sharing
from recbench.contracts.dataset import UNPUBLISHED


class Unhashed(Clicks):
    """No checksum is published, but all counts are."""

    sources = (Written({"clicks.txt": UNPUBLISHED}),)


class Uncounted(Clicks):
    """Two counts are not published."""

    info = replace(Clicks.info, users=None, interactions=None)


@pytest.mark.parametrize("factory", [Unhashed, Uncounted])
def test_what_is_not_published_is_not_asked_for(factory: type[Clicks], tmp_path: Path) -> None:
    component = Component("dataset", "clicks", f"{__name__}:{factory.__name__}")
    with sharing(tmp_path):
        status = {each.name: perform(each, Subject(component)).status for each in checks_of("dataset")}
    assert status["every raw file has a checksum"] == status["it holds what was published"] == "passed"
