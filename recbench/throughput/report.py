"""Reads what the suite has measured: pytest-benchmark's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from recbench.errors import DataError


@dataclass(frozen=True)
class Timing:
    """One task of one component.

    Args:
        task: `fit`, `score`, `craft`, `inspect` or `robust-fit`.
        component: its name.
        device: where it ran.
        verified: False for figures of a clock that nobody has held against another one yet.
        amount, unit: how much of what one round does.
        p50, p95, n: seconds a round; p95 is None where there are too few rounds for one.
        cpu_seconds: the median of a round, over all threads of the host.
        host_peak_bytes, host_growth_bytes, device_allocated_bytes, device_reserved_bytes: see `memory.peak_memory`.
        batch: users scored at once.
        parameters: numbers that the trained model is made of, where it tells.
    """

    task: str
    component: str
    device: str
    verified: bool
    amount: int
    unit: str
    p50: float
    p95: float | None
    n: int
    cpu_seconds: float
    host_peak_bytes: int | None
    host_growth_bytes: int | None
    device_allocated_bytes: int | None
    device_reserved_bytes: int | None
    batch: int | None = None
    parameters: int | None = None

    @property
    def rate(self) -> float:
        """Interactions, users or profiles a second."""
        return self.amount / self.p50

    @property
    def key(self) -> tuple[str, str, int]:
        """What was done, the same in every file."""
        return self.task, self.component, self.batch or 0


@dataclass(frozen=True)
class Report:
    """All that one run of the suite has found.

    Args:
        machine: see `machine.machine`; with the `protocol` that was followed.
        timings: in the order of the suite.
    """

    machine: Mapping[str, Any]
    timings: tuple[Timing, ...]

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read a file that `recbench time` or `pytest --benchmark-json` wrote.

        Raises:
            DataError: it cannot be read, or other benchmarks are in it.
        """
        known = {field.name for field in fields(Timing)}
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            rows = [{key: row["extra_info"][key] for key in known & set(row["extra_info"])} for row in _rows(document)]
            return cls(document["machine_info"]["recbench"], tuple(Timing(**row) for row in rows))
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} holds no figures of recbench.throughput; name a file of 'recbench time'"
            ) from error


def _rows(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(document["benchmarks"])
