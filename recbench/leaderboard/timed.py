"""The board of what `recbench time` has measured: rates, percentiles, memory and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recbench.errors import DataError
from recbench.throughput.machine import in_words
from recbench.throughput.report import Report, Timing

TIMED = "throughput.json"
"""The file of `recbench time` that a run's boards show where it lies in the run's folder."""


@dataclass(frozen=True, kw_only=True)
class TimedRow:
    """One task of one component; None is what was not measured.

    Args:
        circumstances: the machine, the data, torch and the commit. What was timed in others is in another section.
        task, component, batch, n, p50, p95, cpu_seconds, parameters, verified: see `Timing`.
        per_second: how much of `unit` by the median.
        host_growth_bytes: what the task has added to the process.
        device_allocated_bytes: what tensors held at most on the device.
    """

    circumstances: str
    task: str
    component: str
    batch: int | None
    per_second: float
    unit: str
    n: int
    p50: float
    p95: float | None
    cpu_seconds: float
    host_growth_bytes: int | None
    device_allocated_bytes: int | None
    parameters: int | None
    verified: bool


def reports_of(run: Path) -> list[Report]:
    """What was timed into the folder of a run: `recbench time --out RUN/throughput.json`.

    Raises:
        DataError: the file is there and cannot be read.
    """
    return [Report.read(run / TIMED)] if (run / TIMED).is_file() else []


def timed_rows(reports: Sequence[Report]) -> list[TimedRow]:
    """All rows, in the order of the reports and of the suite.

    Raises:
        DataError: two reports are of the same circumstances; nothing says which of their figures counts.
    """
    headings = [circumstances(report) for report in reports]
    if twice := sorted({heading for heading in headings if headings.count(heading) > 1}):
        raise DataError(f"two files have figures {twice[0]}; name one of them, or time all components into one file")
    pairs = zip(headings, reports, strict=True)
    return [_row(heading, timing) for heading, report in pairs for timing in report.timings]


def circumstances(report: Report) -> str:
    """What figures compare within, in words."""
    about = report.machine
    git = about.get("git")
    commit = f", commit {git['commit'][:10]}{' with changes' if git['dirty'] else ''}" if git else ""
    torch = about.get("packages", {}).get("torch", "unknown")
    return f"on {in_words(about)}, {about['protocol']['users']:,} users and items, torch {torch}{commit}"


def _row(heading: str, timing: Timing) -> TimedRow:
    return TimedRow(
        circumstances=heading,
        task=timing.task,
        component=timing.component,
        batch=timing.batch,
        per_second=timing.rate,
        unit=timing.unit,
        n=timing.n,
        p50=timing.p50,
        p95=timing.p95,
        cpu_seconds=timing.cpu_seconds,
        host_growth_bytes=timing.host_growth_bytes,
        device_allocated_bytes=timing.device_allocated_bytes,
        parameters=timing.parameters,
        verified=timing.verified,
    )
