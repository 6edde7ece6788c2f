"""What stages cost in earlier runs: the price of a plan, before it is run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from recbench.matrix.records import at_work
from recbench.matrix.stages import Stage
from recbench.matrix.suite import CARRIED
from recbench.store import Store

PRICES = "prices.csv"
"""Costs of the published runs, which recbench carries; `benchmarks/matrix/prices.py` writes it."""

Key = tuple[str, ...]
"""A kind of stage, its data set and the names of the components whose work it is."""

ROLES = {
    "craft": ("attacker",),
    "simulate": ("attackers",),
    "sanitize": ("defense",),
    "fit": ("recommender", "training"),
    "perturb": ("attacker", "recommender", "training"),
}
"""The costly kinds of stages, and whose work each is. The others are seconds at most, whatever the plugins."""


@dataclass(frozen=True)
class Price:
    """What stages would cost.

    Args:
        cpu_seconds: of the stages that a price is known of.
        priced: how many these are.
        unknown: the work, in words, of stages that no run has done yet.
    """

    cpu_seconds: float
    priced: int
    unknown: list[str]


def price(stages: Iterable[Stage], known: Mapping[Key, float]) -> Price:
    """The price of stages, from the costs of earlier ones; to repeat one costs what it cost."""
    worked = (stage.inputs["first"] if stage.kind == "repeat" else stage for stage in stages)
    costly = [key_of(stage) for stage in worked if stage.kind in ROLES]
    found = [known[key] for key in costly if key in known]
    return Price(sum(found), len(found), sorted({" ".join(key) for key in costly if key not in known}))


def key_of(stage: Stage) -> Key:
    """What a stage's cost depends on most: the names, not the parameters or the attack size."""
    roles = [stage.arguments[role] for role in ROLES[stage.kind]]
    components = [choice for role in roles for choice in (role if isinstance(role, list) else [role])]
    return (stage.kind, stage.arguments["dataset"], *(choice["name"] for choice in components if choice is not None))


def paid(records: Iterable[Mapping[str, Any]]) -> dict[Key, float]:
    """Median CPU seconds of the stages behind cell records."""
    costs: dict[Key, list[float]] = {}
    for record in records:
        question = record["question"]
        recommender, attacker, defense = (question[axis]["name"] for axis in ("recommender", "attacker", "defense"))
        detector, training = at_work(defense, record)
        keys = {
            "craft": (attacker,),
            "simulate": tuple(each["name"] for each in question.get("examples", {}).get("attackers", ())),
            "sanitize": (detector,),
            "fit": tuple(filter(None, (recommender, training))),
            "perturb": tuple(filter(None, (attacker, recommender, training))),
        }
        for kind, names in keys.items():
            if kind in record["cost"]:
                key = (kind, question["dataset"], *names)
                costs.setdefault(key, []).append(record["cost"][kind]["cpu_seconds"])
    return {key: median(seconds) for key, seconds in costs.items()}


def known(store: Store) -> dict[Key, float]:
    """The costs of published runs and, before them, of the run's own folder."""
    file = next(file for folder in CARRIED if (file := folder / PRICES).is_file())
    with file.open(encoding="utf-8") as lines:
        published = {tuple(filter(None, row[:-1])): float(row[-1]) for row in list(csv.reader(lines))[1:]}
    return published | paid(store.records())
