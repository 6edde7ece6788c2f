"""`Grid`: cell records as arrays over units, so that a missing cell is a hole and never a zero."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recbench.leaderboard.labels import key_of, labels
from recbench.matrix.suite import Suite

Record = Mapping[str, Any]
Values = NDArray[np.float64]

NONE = "none"
UTILITY = "ndcg@10"
"""The metric that gates and costs are reckoned in."""


class Effect(NamedTuple):
    """The harm that an attack is judged by: `sign` times `metric`, so that more is worse for the victim."""

    metric: str
    sign: int
    name: str
    unit: str


EFFECTS = {
    "push": Effect("rank-gain", 1, "gain", "bits"),
    "nuke": Effect("rank-gain", -1, "loss of rank", "bits"),
    "degrade": Effect("ndcg-drop@10", 1, "loss of NDCG@10", "NDCG@10"),
}
"""By the goal of the suite's attacks."""


class Place(NamedTuple):
    """What cells ask, up to the unit; components by their labels."""

    dataset: str
    recommender: str
    attacker: str = NONE
    defense: str = NONE
    size: float = 0.0
    replica: int = 0


class Unit(NamedTuple):
    """Together with the data set, the unit of statistics."""

    seed: int
    group: int


AXES = ("dataset", "recommender", "attacker", "defense")
REPEATS = ("no", "failed", "yes")
"""Whether work that was done twice came out the same, the worst first."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells of one suite.

    Args:
        suite: says which units, sizes and mandatory attacks there ought to be.
        records: of any of its cells, in any order.
        absent: for each cell that was asked for and has no record its `question`, a `status` that is not ok, no
            `metrics` and no `cost`.
    """

    suite: Suite
    records: Sequence[Record]
    absent: Sequence[Record] = ()

    @cached_property
    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """By axis, the label of every component by its `key_of`."""
        questions = [record["question"] for record in self._asked]
        return {axis: labels(_identity(question, axis) for question in questions) for axis in AXES}

    @cached_property
    def attackers(self) -> Mapping[str, str]:
        """The name of every attacker by its label."""
        identities = [_identity(record["question"], "attacker") for record in self._asked]
        named = {self.labels["attacker"][key_of(identity)]: identity["name"] for identity in identities}
        return {label: name for label, name in sorted(named.items()) if name != NONE}

    @cached_property
    def knowledge(self) -> Mapping[str, frozenset[str]]:
        """What every attacker was shown, by its label; nothing where the records do not say."""
        found = {
            self.labels["attacker"][key_of(_identity(record["question"], "attacker"))]: record.get("knowledge", ())
            for record in self._asked
        }
        # Who sees the interactions can count them.
        implied = {"interactions": "statistics"}
        return {
            label: frozenset((*kinds, *(implied.get(kind, kind) for kind in kinds))) for label, kinds in found.items()
        }

    @cached_property
    def judged(self) -> list[str]:
        """The labels of the attacks that a worst case is taken over.

        The mandatory ones, whether or not there are records of them; every attack that is no control
        where the suite names none.
        """
        present = self.attackers
        if not self.suite.mandatory:
            return [label for label, name in present.items() if name not in self.suite.controls]
        variants = {name: [label for label in present if present[label] == name] for name in self.suite.mandatory}
        return [label for name, found in variants.items() for label in found or [name]]

    @property
    def effect(self) -> Effect:
        return EFFECTS[self.suite.threat.goal]

    @cached_property
    def units(self) -> list[Unit]:
        groups = range(self.suite.threat.targets.groups)
        return [Unit(seed, group) for seed, group in itertools.product(range(self.suite.seeds), groups)]

    @cached_property
    def clusters(self) -> NDArray[np.int64]:
        """The split seed of each unit [u]: units of one seed share its training noise."""
        return np.array([unit.seed for unit in self.units], dtype=np.int64)

    @property
    def sections(self) -> list[tuple[str, float]]:
        """Data set and attack size of every part of a board: attacks compare only at equal budgets."""
        return list(itertools.product(self.datasets, sorted(self.suite.threat.sizes)))

    @cached_property
    def datasets(self) -> list[str]:
        return sorted(self._victims)

    def recommenders(self, dataset: str) -> list[str]:
        return sorted(self._victims[dataset])

    def defenses(self, place: Place) -> list[str]:
        """The defenses that apply to a victim: not all of their cells were skipped."""
        return sorted(self._victims[place.dataset][place.recommender] - {NONE})

    def _place(self, record: Record) -> Place:
        """What a record is about, up to the unit."""
        question = record["question"]
        names = {axis: self.labels[axis][key_of(_identity(question, axis))] for axis in AXES}
        return Place(**names, size=question["size"], replica=question["replica"])

    def values(self, metric: str, place: Place) -> Values:
        """A metric of each unit [u]; NaN where the cell is not ok or lacks it."""
        return self._each(place, lambda record: record["metrics"].get(metric))

    def cpu_seconds(self, stage: str, place: Place) -> Values:
        """What a stage cost in each unit [u]; NaN where the cell is not ok or has no such stage."""
        return self._each(place, lambda record: record["cost"].get(stage, {}).get("cpu_seconds"))

    def harm(self, places: Iterable[Place]) -> Values:
        """The effect of each of several attacks on each unit [a, u]."""
        rows = [self.effect.sign * self.values(self.effect.metric, place) for place in places]
        return np.array(rows).reshape(-1, len(self.units))

    def repeats(self, *places: Place) -> str | None:
        """What came of these places' work that was done twice: `no` before `failed` before `yes`; None without any."""
        records = [self.cells.get((place, self.units[0])) for place in places]
        found = {record.get("repeats") for record in records if record is not None}
        return next((word for word in REPEATS if word in found), None)

    def utility(self, dataset: str, recommender: str) -> float | None:
        """Its mean clean utility over the units that are ok, few as these may be; None without any."""
        found = self.values(UTILITY, Place(dataset, recommender))
        return float(np.nanmean(found)) if not np.isnan(found).all() else None

    def victims(self, dataset: str) -> list[str]:
        """The recommenders whose clean cells are all ok: there is nothing to compare an attack with otherwise."""
        return [name for name in self.recommenders(dataset) if self._is_whole(Place(dataset, name))]

    @cached_property
    def floors(self) -> Mapping[str, Values]:
        """The effects of the A/A twins of each data set, which differ in the permutation of users alone."""
        found = {
            dataset: self.harm(Place(dataset, name, replica=1) for name in self.recommenders(dataset))
            for dataset in self.datasets
        }
        return {dataset: gains[~np.isnan(gains)] for dataset, gains in found.items()}

    def floor(self, dataset: str) -> float:
        """The largest size of an A/A effect; 0 without A/A runs."""
        return float(np.abs(self.floors[dataset]).max(initial=0.0))

    @cached_property
    def cells(self) -> Mapping[tuple[Place, Unit], Record]:
        """The records by what they are about, and what is known of the cells that have none."""
        return {(self._place(record), _unit(record)): record for record in self._asked}

    @property
    def _asked(self) -> tuple[Record, ...]:
        return (*self.absent, *self.records)

    @cached_property
    def _victims(self) -> Mapping[str, Mapping[str, set[str]]]:
        """The defenses that were tried on each recommender on each data set."""
        found: dict[str, dict[str, set[str]]] = {}
        for (place, _), record in self.cells.items():
            tried = found.setdefault(place.dataset, {}).setdefault(place.recommender, set())
            if record["status"] != "skipped":
                tried.add(place.defense)
        return found

    def _is_whole(self, place: Place) -> bool:
        return not np.isnan(self._each(place, lambda _: 1.0)).any()

    def _each(self, place: Place, read: Callable[[Record], float | None]) -> Values:
        records = [self.cells.get((place, unit)) for unit in self.units]
        found = [read(record) if record is not None and record["status"] == "ok" else None for record in records]
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)


def _identity(question: Mapping[str, Any], axis: str) -> Mapping[str, Any]:
    if axis == "dataset":
        return {"name": question["dataset"], **question["data"]}
    identity: Mapping[str, Any] = question[axis]
    return identity


def _unit(record: Record) -> Unit:
    return Unit(record["question"]["seed"], record["question"]["group"])


def whole_mean(values: Values) -> float | None:
    """The mean, or None where there is a hole or nothing at all."""
    return float(values.mean()) if values.size and not np.isnan(values).any() else None


def known(value: float) -> float | None:
    """None in place of NaN."""
    return None if np.isnan(value) else float(value)
