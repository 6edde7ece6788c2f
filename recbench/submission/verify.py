"""`verify`: how far a submission can be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from recbench.errors import DataError
from recbench.plugins import Plugins
from recbench.submission.bundle import Bundle, array_file, opened, users_of
from recbench.submission.plan import check_plan, compared
from recbench.submission.recompute import recompute
from recbench.submission.refusal import Refusal, SubmissionError
from recbench.submission.rerun import rerun

Badge = Literal["refused", "reported", "recomputed", "reproduced"]


@dataclass
class Report:
    """What verification found.

    Args:
        bundle: its file.
        badge: the highest level that all of it reached.
        name, notes: the submitter's words, as they are.
        suite: name and version.
        fingerprint: the sha256 of the manifest.
        cells, ok, recomputed: how many there are, how many of them are ok, and how many of those were recomputed.
        reproduced: what became of each cell that was run again, by its id.
        refusals: why it is refused.
        remarks: what a maintainer ought to know.
    """

    bundle: str
    badge: Badge = "refused"
    name: str = ""
    notes: str = ""
    suite: str = ""
    fingerprint: str = ""
    cells: int = 0
    ok: int = 0
    recomputed: int = 0
    reproduced: dict[str, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def verify(path: Path, plugins: Callable[[], Plugins], level: Badge, reruns: int = 0, nonce: str = "") -> Report:
    """Verify a bundle up to a level, or until it is refused.

    Args:
        path: of the bundle.
        plugins: gives what is installed; asked only beyond `reported`.
        level: `reported` (whole, valid, complete), `recomputed` (its metrics follow from its lists and profiles on
            the data that is here) or `reproduced` (cells that the nonce picks come out the same here).
        reruns: how many cells are run again.
        nonce: the verifier's, chosen after the submission was received: whoever knows it can prepare for its picks.

    Raises:
        DataError: nothing to run again, or no nonce to pick it by.
    """
    if level == "reproduced" and (reruns < 1 or not nonce):
        raise DataError("cells to run again are picked by a nonce of yours: give --rerun N and --nonce TEXT")
    report = Report(path.name)
    try:
        with opened(path) as bundle:
            report.name, report.notes = bundle.manifest.name, bundle.manifest.notes
            report.suite = f"{bundle.suite.name} {bundle.suite.version}"
            report.fingerprint, report.cells = bundle.fingerprint, len(bundle.records)
            report.ok = sum(record["status"] == "ok" for record in bundle.records)
            _climb(bundle, plugins, level, reruns, nonce, report)
    except SubmissionError as error:
        report.refusals.append(error.refusal)
    if report.refusals:
        report.badge = "refused"
    return report


def _climb(
    bundle: Bundle, plugins: Callable[[], Plugins], level: Badge, reruns: int, nonce: str, report: Report
) -> None:
    """Take the report from level to level, as long as nothing is refused."""
    report.refusals += [*check_plan(bundle), *_unlike(bundle)]
    for said in compared(bundle.suite):
        if isinstance(said, Refusal):
            report.refusals.append(said)
        else:
            report.remarks.append(said)
    if report.refusals:
        return
    report.badge = "reported"
    if level == "reported":
        return
    found = recompute(bundle, plugins())
    report.recomputed = found.cells
    report.refusals += found.refusals
    report.remarks += found.notes
    if report.refusals or found.cells < report.ok:
        return
    report.badge = "recomputed"
    if level == "recomputed":
        return
    again = rerun(bundle, plugins(), reruns, nonce)
    report.reproduced = again.outcomes
    report.refusals += again.refusals
    if not again.refusals and not again.left:
        report.badge = "reproduced"


def _unlike(bundle: Bundle) -> list[Refusal]:
    """Artifacts whose arrays contradict each other. All of them are read, so each is held against its hash."""
    found = []
    for role, key in bundle.artifacts():
        artifact = bundle.artifact(role, key)
        try:
            users_of(artifact, role)
        except ValueError as error:
            found.append(Refusal(array_file(role, key, "*"), str(error), "pack the run anew with 'recbench submit'"))
    return found
