"""The throughput board: what each component's stages cost, and how much they got done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from recbench.leaderboard.grid import Grid, Place, Record
from recbench.matrix.records import at_work
from recbench.throughput.machine import in_words, verified

STAGES = ("fit", "craft", "sanitize", "perturb", "evaluate")
AMOUNTS = {"fit": "interactions", "craft": "profiles"}
"""What a stage gets done, where it is counted."""
UNKNOWN = "a machine that the records do not name"


@dataclass(frozen=True, kw_only=True)
class ThroughputRow:
    """One component's stage on one data set and one machine; None is what the records do not say.

    Args:
        machine: on which the records were written. Seconds of two machines are never in one row.
        component: a recommender, with its robust training where it has one; an attacker; a detector; for
            `evaluate`, all metrics.
        size: of the attack that was crafted; None for stages that are pooled over sizes.
        n: how many stages the row is over, each once however many cells share it.
        cpu_seconds, wall_seconds: medians, with quartiles.
        per_second: interactions trained on or profiles crafted a wall second, median.
        peak_bytes: of the largest process of the stage, median.
        verified: False for a device whose times nobody has held against another clock yet.
    """

    dataset: str
    machine: str
    stage: str
    component: str
    size: float | None
    n: int
    cpu_seconds: float | None
    cpu_low: float | None
    cpu_high: float | None
    wall_seconds: float | None
    wall_low: float | None
    wall_high: float | None
    per_second: float | None
    peak_bytes: float | None
    verified: bool


class Heading(NamedTuple):
    """What the stages of a row have in common."""

    dataset: str
    machine: str
    stage: str
    component: str
    size: float | None
    verified: bool


def throughput_rows(grid: Grid) -> list[ThroughputRow]:
    """All rows: data sets, machines, then fits, crafts, inspections and evaluations by component."""
    found: dict[Heading, dict[tuple[tuple[str, float], ...], Mapping[str, float]]] = {}
    for (about, _), record in grid.cells.items():
        for heading, cost in _stages(about, record):
            # A shared stage was measured once: its clocks read the same, to the last digit, in all of its cells.
            found.setdefault(heading, {})[tuple(sorted(cost.items()))] = cost
    order = {stage: index for index, stage in enumerate(STAGES)}

    def place(heading: Heading) -> tuple[Any, ...]:
        return (heading.dataset, heading.machine, order[heading.stage], heading.component, heading.size or 0.0)

    return [_row(heading, list(found[heading].values())) for heading in sorted(found, key=place)]


def machine_of(record: Record) -> str:
    """The machine that a record was written on, in words."""
    machine = record.get("machine")
    return in_words(machine) if machine else UNKNOWN


def _stages(place: Place, record: Record) -> Iterator[tuple[Heading, Mapping[str, float]]]:
    detector, training = at_work(place.defense, record)
    components = {
        "fit": f"{place.recommender} with {training}" if training else place.recommender,
        "craft": place.attacker,
        "sanitize": detector,
        "perturb": f"{place.attacker} on {place.recommender}",
        "evaluate": "all metrics",
    }
    for stage, component in components.items():
        if cost := record["cost"].get(stage):
            size = place.size if stage in ("craft", "perturb") else None
            known = verified((record.get("machine") or {}).get("device", "cpu"))
            yield Heading(place.dataset, machine_of(record), stage, component, size, known), cost


def _row(heading: Heading, costs: list[Mapping[str, float]]) -> ThroughputRow:
    amount = AMOUNTS.get(heading.stage, "")
    cpu, wall = (_quartiles(costs, f"{clock}_seconds") for clock in ("cpu", "wall"))
    rates = [cost[amount] / cost["wall_seconds"] for cost in costs if amount in cost and cost.get("wall_seconds")]
    return ThroughputRow(
        **heading._asdict(),
        n=len(costs),
        cpu_low=cpu[0],
        cpu_seconds=cpu[1],
        cpu_high=cpu[2],
        wall_low=wall[0],
        wall_seconds=wall[1],
        wall_high=wall[2],
        per_second=float(np.median(rates)) if rates else None,
        peak_bytes=_quartiles(costs, "peak_bytes")[1],
    )


def _quartiles(costs: list[Mapping[str, float]], name: str) -> tuple[float | None, float | None, float | None]:
    """Lower quartile, median and upper quartile of what is there; None where nothing is."""
    values = [cost[name] for cost in costs if name in cost]
    if not values:
        return None, None, None
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return low, middle, high
