"""Why a submission is refused: the file, the reason and the next step."""

from __future__ import annotations

from dataclasses import dataclass

from recbench.errors import DataError

SHOWN = 120
"""How much of a text from a submission a message repeats."""


@dataclass(frozen=True)
class Refusal:
    """One thing that is wrong with a submission.

    Args:
        file: inside the bundle, with the place in it where there is one.
        reason: what is wrong.
        remedy: what the submitter does about it.
    """

    file: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}; {self.remedy}"


class SubmissionError(DataError):
    """A bundle that cannot be read any further.

    Args:
        refusal: why.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def refused(file: str, reason: str, remedy: str = "pack the run anew with 'recbench submit'") -> SubmissionError:
    """The error to raise for a file of a bundle."""
    return SubmissionError(Refusal(file, reason, remedy))


def shown(text: object) -> str:
    """A text of the submitter's, as it can be printed anywhere: ASCII, in quotes, not long."""
    quoted = ascii(text)
    return quoted if len(quoted) <= SHOWN else f"{quoted[:SHOWN]}…"
