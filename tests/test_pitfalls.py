"""docs/pitfalls.md is true: every mistake is on it, and what is said to rule it out exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recbench.component import KINDS
from recbench.conformance import checks_of

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "pitfalls.md").read_text()
ROWS = {
    number: re.findall(r"`([^`]+)`", ruled_out)
    for number, ruled_out in re.findall(r"^\| (D\d+) \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
}
CHECKS = {check.name: check for kind in KINDS for check in checks_of(kind)}


def test_all_forty_nine_are_on_the_page_once() -> None:
    assert sorted(ROWS, key=lambda number: int(number[1:])) == [f"D{number}" for number in range(1, 50)]
    assert len(re.findall(r"^\| D\d+ \|", PAGE, re.MULTILINE)) == 49


@pytest.mark.parametrize("number", ROWS)
def test_what_rules_a_mistake_out_exists(number: str) -> None:
    assert ROWS[number]
    for guard in ROWS[number]:
        if guard.startswith("check: "):
            assert guard.removeprefix("check: ") in CHECKS
        else:
            file, name = guard.split("::")
            assert re.search(rf"^def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


def test_the_page_and_the_checks_name_each_other() -> None:
    on_page = {(number, guard) for number, guards in ROWS.items() for guard in guards if guard.startswith("check: ")}
    assert on_page == {(number, f"check: {check.name}") for check in CHECKS.values() for number in check.guards}
