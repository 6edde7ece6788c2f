"""Two sets of cells of the same questions: what became of them, and which numbers differ by more than noise."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recbench.evaluation.statistics import interval
from recbench.leaderboard.cells import ABOUT, BESIDE
from recbench.leaderboard.grid import EFFECTS, UTILITY, known
from recbench.leaderboard.labels import Identity, key_of, labels
from recbench.leaderboard.standing import SEED

Row = Mapping[str, Any]
"""A row of the table of cells, see `cell_columns`; what a cell does not have is absent or None."""
Question = frozenset[tuple[str, Any]]
AXES = ("dataset", "recommender", "attacker", "defense")
UNIT = ("seed", "group")


@dataclass(frozen=True, order=True)
class Cell:
    """What a cell is called; they sort by that."""

    place: str
    seed: int
    group: int
    replica: int
    cell_id: str


@dataclass(frozen=True)
class Change:
    """A cell whose status is another one; it got worse where it was ok."""

    cell: Cell
    before: str
    after: str
    reason: str
    worse: bool


@dataclass(frozen=True)
class Difference:
    """A number that differs by more than the A/A floor of both sides and whose 95% interval holds no 0.

    Args:
        place: data set, recommender, attack and defense.
        metric: the effect of the attack, so that more is worse for the victim, or NDCG@10.
        before, after: means over the `units` that both sides are ok on.
        difference, low, high: after - before, and its interval; without one for a single unit.
        floor: the largest difference of that number between clean twins on the data set.
        worse: for the victim: its utility fell, or the attack on it does more.
    """

    place: str
    metric: str
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None
    floor: float
    units: int
    worse: bool


@dataclass(frozen=True)
class Comparison:
    """What two sets of cells have in common, and what not.

    Args:
        changes: of status; those for the worse first.
        differences: beyond the noise; those for the worse first.
        compared: how many numbers were compared, each a mean over units.
        shared, equal: how many cells both sides have, and how many of these have the very same numbers.
        unrepeatable: the cells whose build is the same on both sides, and whose numbers are not.
        only_before, only_after: the cells that the other side does not have.
    """

    changes: list[Change]
    differences: list[Difference]
    compared: int
    shared: int
    equal: int
    unrepeatable: list[Cell]
    only_before: list[Cell]
    only_after: list[Cell]

    @property
    def worse(self) -> bool:
        """Whether any change or difference is for the worse."""
        return any(change.worse for change in self.changes) or any(found.worse for found in self.differences)


def compare(before: Sequence[Row], after: Sequence[Row]) -> Comparison:
    """Pair cells by their question and compare them.

    Args:
        before, after: rows of the table of cells, in any order.
    """
    old, new = ({row["cell_id"]: row for row in rows} for rows in (before, after))
    name = _Names.of([*before, *after])
    shared = [(old[key], new[key]) for key in old if key in new]
    both_ok = [pair for pair in shared if pair[0]["status"] == pair[1]["status"] == "ok"]
    differing = [pair for pair in both_ok if _differ(*pair)]
    found = list(_compared(both_ok, (before, after), name))
    return Comparison(
        changes=sorted(
            (_change(left, right, name) for left, right in shared if left["status"] != right["status"]),
            key=lambda change: (not change.worse, change.cell),
        ),
        differences=sorted(
            (each for each in found if _is_beyond_noise(each)), key=lambda each: (not each.worse, each.place)
        ),
        compared=len(found),
        shared=len(shared),
        equal=len(both_ok) - len(differing),
        unrepeatable=_cells((left for left, right in differing if left["build_id"] == right["build_id"]), name),
        only_before=_cells((row for key, row in old.items() if key not in new), name),
        only_after=_cells((row for key, row in new.items() if key not in old), name),
    )


def _compared(pairs: Sequence[tuple[Row, Row]], sides: Sequence[Sequence[Row]], name: _Names) -> Iterator[Difference]:
    """Every number that both sides have, by place."""
    places: dict[Question, list[tuple[Row, Row]]] = {}
    for pair in pairs:
        if not pair[0]["replica"]:
            places.setdefault(_place_key(pair[0]), []).append(pair)
    floors: dict[tuple[str, str], float] = {}
    for found in places.values():
        first = found[0][0]
        effect = EFFECTS[first.get("goal") or "push"]
        attacked = first["attacker.name"] != "none"
        # More of an effect is worse, and less of the utility.
        for metric, label, sign in (
            *([(effect.metric, effect.name, effect.sign)] if attacked else []),
            (UTILITY, "NDCG@10", 1),
        ):
            key = (name.dataset(first), metric)
            if key not in floors:
                floors[key] = max(_floor(rows, key[0], metric, name) for rows in sides)
            known_units = [pair for pair in found if None not in _values(pair, metric)]
            if known_units:
                yield _difference(known_units, metric, label, sign, floors[key], name)


def _difference(
    pairs: Sequence[tuple[Row, Row]], metric: str, label: str, sign: int, floor: float, name: _Names
) -> Difference:
    values = sign * np.array([_values(pair, metric) for pair in pairs], dtype=np.float64)
    change = values[:, 1] - values[:, 0]
    mean, low, high = float(change.mean()), np.nan, np.nan
    if abs(mean) > floor:
        mean, low, high = interval(change, np.array([left["seed"] for left, _ in pairs]), SEED)
    return Difference(
        place=name.place(pairs[0][0]),
        metric=label,
        before=float(values[:, 0].mean()),
        after=float(values[:, 1].mean()),
        difference=mean,
        low=known(low),
        high=known(high),
        floor=floor,
        units=len(pairs),
        worse=mean < 0 if metric == UTILITY else mean > 0,
    )


def _is_beyond_noise(found: Difference) -> bool:
    if abs(found.difference) <= found.floor:
        return False
    return found.low is None or found.high is None or found.low > 0 or found.high < 0


def _floor(rows: Sequence[Row], dataset: str, metric: str, name: _Names) -> float:
    """The largest difference of a metric between clean twins on a data set; 0 without twins."""
    clean = [
        row
        for row in rows
        if row["status"] == "ok"
        and row["attacker.name"] == row["defense.name"] == "none"
        and name.dataset(row) == dataset
        and row.get(f"metrics.{metric}") is not None
    ]
    sides: tuple[dict[Any, float], dict[Any, float]] = ({}, {})
    for row in clean:
        sides[row["replica"]][(_place_key(row), *(row[part] for part in UNIT))] = row[f"metrics.{metric}"]
    first, twin = sides
    return max((abs(twin[unit] - first[unit]) for unit in first if unit in twin), default=0.0)


@dataclass(frozen=True)
class _Names:
    """What places are called, given the labels of all components by axis."""

    labels: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Names:
        return cls({axis: labels(_identity(row, axis) for row in rows) for axis in AXES})

    def dataset(self, row: Row) -> str:
        return self.labels["dataset"][key_of(_identity(row, "dataset"))]

    def place(self, row: Row) -> str:
        named = {axis: self.labels[axis][key_of(_identity(row, axis))] for axis in AXES}
        attack = "no attack" if named["attacker"] == "none" else f"{named['attacker']} {100 * row['size']:.3g}%"
        defense = "" if named["defense"] == "none" else f", {named['defense']}"
        return f"{named['dataset']}, {named['recommender']}, {attack}{defense}"


def _identity(row: Row, axis: str) -> Identity:
    prefix, name = ("data", row["dataset"]) if axis == "dataset" else (axis, row[f"{axis}.name"])
    return {"name": name, "version": row[f"{prefix}.version"], "params": json.loads(row[f"{prefix}.params"])}


def _cells(rows: Iterable[Row], name: _Names) -> list[Cell]:
    return sorted(_cell(row, name) for row in rows)


def _cell(row: Row, name: _Names) -> Cell:
    return Cell(name.place(row), row["seed"], row["group"], row["replica"], row["cell_id"])


def _change(left: Row, right: Row, name: _Names) -> Change:
    reason = right["reason"] or left["reason"] or ""
    return Change(_cell(left, name), left["status"], right["status"], reason, left["status"] == "ok")


def _differ(left: Row, right: Row) -> bool:
    """Whether any metric that both have is not the same to the last digit."""
    shared = (key for key in left.keys() & right.keys() if key.startswith("metrics."))
    return any(None not in (left[key], right[key]) and left[key] != right[key] for key in shared)


def _values(pair: tuple[Row, Row], metric: str) -> tuple[float | None, float | None]:
    return pair[0].get(f"metrics.{metric}"), pair[1].get(f"metrics.{metric}")


def _place_key(row: Row) -> Question:
    """The question of a cell but for the unit."""
    left_out = {*ABOUT, *UNIT, "replica"}
    return frozenset(
        (key, value)
        for key, value in row.items()
        if key not in left_out and value is not None and not key.startswith(BESIDE)
    )
