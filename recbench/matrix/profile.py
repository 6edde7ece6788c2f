"""Where the time of a run went, by stage and plugin, and what sharing stages has spared: from the cells' records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recbench.matrix.records import at_work

ARTIFACTS = {
    "craft": ("profiles",),
    "simulate": ("examples",),
    "sanitize": ("verdict",),
    "fit": ("fit", "clean"),
    "perturb": ("fit",),
}
"""The artifacts of a cell that a kind of stage makes; `clean` is the fit of the clean twin that it is held against."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """The stages of one kind that do the work of the same plugins.

    Args:
        stage: `craft`, `simulate`, `sanitize`, `fit`, `perturb` or `evaluate`.
        plugins: whose work it is: `ease`, or `bpr-mf under vat`.
        stages: how many different ones there are.
        uses: how many cells need one, added up over the stages.
        cpu_seconds, wall_seconds: of each stage once.
        alone_cpu_seconds: of each stage once for every cell that needs it.
    """

    stage: str
    plugins: str
    stages: int
    uses: int
    cpu_seconds: float
    wall_seconds: float
    alone_cpu_seconds: float

    @property
    def spared(self) -> float:
        """The share of the CPU time, of cells that each run alone, that sharing has spared."""
        return 1 - self.cpu_seconds / self.alone_cpu_seconds if self.alone_cpu_seconds else 0.0


def profile(records: Iterable[Record]) -> list[Line]:
    """The lines of a run, the most expensive first. A stage that failed has left no cost, and is in none of them."""
    records = list(records)
    costs: dict[str, Mapping[str, Any]] = {}
    owners: dict[str, tuple[str, str]] = {}
    for record in records:
        for stage, plugins, key in _made(record):
            costs.setdefault(key, record["cost"][stage])
            owners.setdefault(key, (stage, plugins))
    uses = Counter(key for record in records for key in _needed(record) if key in costs)
    found: dict[tuple[str, str], list[str]] = {}
    for key, owner in owners.items():
        found.setdefault(owner, []).append(key)
    lines = [
        Line(
            *owner,
            len(keys),
            sum(uses[key] for key in keys),
            sum(costs[key]["cpu_seconds"] for key in keys),
            sum(costs[key]["wall_seconds"] for key in keys),
            sum(costs[key]["cpu_seconds"] * uses[key] for key in keys),
        )
        for owner, keys in found.items()
    ]
    return sorted(lines, key=lambda line: -line.cpu_seconds)


def total(lines: Iterable[Line]) -> Line:
    """All lines as one."""
    lines = list(lines)
    return Line(
        "all",
        "",
        sum(line.stages for line in lines),
        sum(line.uses for line in lines),
        sum(line.cpu_seconds for line in lines),
        sum(line.wall_seconds for line in lines),
        sum(line.alone_cpu_seconds for line in lines),
    )


def _made(record: Record) -> Iterator[tuple[str, str, str]]:
    """The stages whose cost the record tells: kind, plugins and the key of what it made."""
    question, artifacts = record["question"], record["artifacts"]
    attacker, defense, recommender = (question[axis]["name"] for axis in ("attacker", "defense", "recommender"))
    detector, training = at_work(defense, record)
    plugins = {
        "craft": attacker,
        "simulate": ", ".join(each["name"] for each in question.get("examples", {}).get("attackers", ())),
        "sanitize": detector,
        "fit": f"{recommender} under {training}" if training else recommender,
        "perturb": attacker,
    }
    for stage in record["cost"]:
        # An evaluation keeps nothing that another cell could need.
        yield stage, plugins.get(stage, ""), artifacts[ARTIFACTS[stage][0]] if stage in ARTIFACTS else record["cell_id"]


def _needed(record: Record) -> set[str]:
    """The keys of everything that the cell's answer is made from, computed for it or for another one."""
    kept = {record["artifacts"].get(name) for names in ARTIFACTS.values() for name in names}
    return {key for key in kept if key} | {record["cell_id"]}
