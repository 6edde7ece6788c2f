"""The checks in an author's own test suite: `pytest --recbench NAME`, or

@parametrize_with_checks(["./mine.py:Mine"], expected={"it learns more from more data": "learns from pairs only"})
def test_it_does_what_it_claims(claim):
    claim()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from recbench.errors import PluginError, suggestion

if TYPE_CHECKING:
    from recbench.conformance.check import Check, Subject


@dataclass(frozen=True)
class Claim:
    """One check of one component; calling it fails or skips the running test accordingly.

    What was measured where it passes is printed: `pytest -rP` shows it.
    """

    check: Check
    subject: Subject

    def __str__(self) -> str:
        component = self.subject.component
        return f"{component.kind}:{component.name}: {self.check.name}"

    def __call__(self) -> None:
        from recbench.conformance.check import perform

        outcome = perform(self.check, self.subject)
        if outcome.status == "failed":
            pytest.fail(f"{self}: {outcome.reason}", pytrace=False)
        if outcome.status == "not applicable":
            pytest.skip(outcome.reason)
        if outcome.reason:
            print(f"{self}: {outcome.reason}")


def claims(references: Sequence[str | Subject], expected: Mapping[str, str]) -> list[tuple[Claim, str]]:
    """Every check of every component, with the reason why it is expected to fail, or nothing.

    Args:
        references: names, `KIND:NAME`, paths, or subjects.
        expected: reasons by the name of a check.

    Raises:
        PluginError: an unknown component or check, or an expectation without a reason.
    """
    from recbench.conformance.check import checks_of
    from recbench.conformance.subjects import find
    from recbench.plugins import load_plugins

    installed = load_plugins()
    subjects = [find(installed, each) if isinstance(each, str) else each for each in references]
    made = [Claim(check, subject) for subject in subjects for check in checks_of(subject.component.kind)]
    for name, reason in expected.items():
        if name not in (names := {claim.check.name for claim in made}):
            raise PluginError(f"no check says '{name}'{suggestion(name, names)}")
        if not reason.strip():
            raise PluginError(f"'{name}' is expected to fail without a reason; say why")
    return [(claim, expected.get(claim.check.name, "")) for claim in made]


def parametrize_with_checks(
    references: Sequence[str | Subject], expected: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """Run a test function with the argument `claim` once a check; it calls it.

    Args:
        references: what is checked.
        expected: checks that are known to fail, with the reason; one that passes is an error.

    Raises:
        PluginError: as `claims`.
    """
    params = [
        pytest.param(claim, id=str(claim), marks=_marks(reason)) for claim, reason in claims(references, expected or {})
    ]
    return pytest.mark.parametrize("claim", params)


def _marks(reason: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(strict=True, reason=reason)] if reason else []


class ClaimItem(pytest.Item):
    """A check as a test of its own, without a file."""

    claim: Claim

    def runtest(self) -> None:
        self.claim()

    def reportinfo(self) -> tuple[str, None, str]:
        return "recbench", None, self.name


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("recbench")
    group.addoption("--recbench", action="append", default=[], metavar="NAME", help="Check this component; repeatable.")
    parser.addini("recbench_expected", "Checks that are known to fail, as 'NAME OF THE CHECK: REASON'.", "linelist", [])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if references := config.getoption("--recbench"):
        expected = {name.strip(): reason for name, _, reason in _split(config.getini("recbench_expected"))}
        try:
            items.extend(_items(session, claims(references, expected)))
        except PluginError as error:
            raise pytest.UsageError(str(error)) from error


def _split(lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    return (line.partition(":") for line in lines)


def _items(session: pytest.Session, made: Sequence[tuple[Claim, str]]) -> Iterator[pytest.Item]:
    for claim, reason in made:
        item: Any = ClaimItem.from_parent(session, name=str(claim))
        item.claim = claim
        for mark in _marks(reason):
            item.add_marker(mark)
        yield item


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """All skipped is failed: a component of which nothing could be tried has shown nothing."""
    reporter: Any = session.config.pluginmanager.getplugin("terminalreporter")
    if session.config.getoption("--recbench") and reporter is not None and exitstatus == pytest.ExitCode.OK:
        ran = {word: reporter.stats.get(word, []) for word in ("passed", "skipped", "xfailed")}
        if ran["skipped"] and not ran["passed"]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
