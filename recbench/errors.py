"""The errors that recbench raises on purpose.

Every message names the thing, the reason and the next step. The command line prints a `RecbenchError`
as one line; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RecbenchError(Exception):
    """A mistake that the user can mend: a wrong name, a wrong file, an impossible parameter."""


class DataError(RecbenchError):
    """Data that cannot be what it claims to be: missing columns, ids out of range, a wrong checksum."""


class SuiteError(RecbenchError):
    """A suite file that cannot be planned."""


class PluginError(RecbenchError):
    """A plugin that is unknown, broken, in conflict or called with impossible parameters."""


class RuleViolation(Exception):
    """A plugin broke a rule of the benchmark. The cell's status is `invalid`; the run goes on."""


class BudgetViolation(RuleViolation):
    """Profiles outside the attack's budget."""


class KnowledgeViolation(RuleViolation):
    """An attacker touched what its declared knowledge forbids."""


class InvalidScores(RuleViolation):
    """Scores that are not finite, or of the wrong shape or type."""


def with_article(noun: str) -> str:
    """`a dataset`, `an attacker`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the known word nearest to `word`, or the known words, or nothing."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(known)}" if known else ""
