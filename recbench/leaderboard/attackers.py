"""The attackers' board: what each attack gains against undefended victims, how far that carries, and how it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recbench.evaluation.statistics import interval, minimum_detectable_effect, paired_interval
from recbench.leaderboard.grid import Grid, Place, Values, known, whole_mean
from recbench.leaderboard.standing import SEED, Contender, ranked

BASELINE = "random"
"""The attack that every other must beat."""


@dataclass(frozen=True, kw_only=True)
class AttackerRow:
    """One attack on one data set at one size; None is what cannot be said.

    Means are over the victims that the attack is ok on in all units, and over units.

    Args:
        gain, gain_low, gain_high: the effect and its 95% interval over units.
        least_detectable: the least effect that these units could have shown.
        victims_ok, victims_needed: how many victims the means are over, and how many there are.
        victims_beaten, victims_compared: on how many victims it does more than random, of those that
            both are ok on.
        above_random: the 95% interval of the paired difference lies above 0; with a single unit, the
            difference itself.
        tvd_excess: total variation from genuine profiles, in excess of random genuine users.
        detector_auc, detector: two-sided AUC of the detector that tells the fakes best.
        craft_cpu_seconds: of crafting the profiles.
    """

    dataset: str
    size: float
    attacker: str
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    control: bool
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    least_detectable: float | None = None
    lift_hr_10: float | None = None
    lift_hr_50: float | None = None
    victims_ok: int = 0
    victims_needed: int = 0
    victims_beaten: int = 0
    victims_compared: int = 0
    above_random: bool | None = None
    tvd_excess: float | None = None
    detector_auc: float | None = None
    detector: str | None = None
    craft_cpu_seconds: float | None = None


def attacker_rows(grid: Grid) -> list[AttackerRow]:
    """All rows, each section's ranked ones first."""
    return [row for dataset, size in grid.sections for row in _section(grid, dataset, size)]


def _section(grid: Grid, dataset: str, size: float) -> list[AttackerRow]:
    victims = grid.victims(dataset)
    contenders = []
    for label in grid.attackers:
        places = [Place(dataset, victim, label, size=size) for victim in victims]
        row, gain = _row(grid, label, places, dataset, size)
        complete = gain is not None and row.victims_ok == row.victims_needed
        contenders.append(Contender(row, label, -gain if gain is not None and complete else None))
    return ranked(contenders, grid.clusters)


def _row(grid: Grid, label: str, places: list[Place], dataset: str, size: float) -> tuple[AttackerRow, Values | None]:
    """The row, and its gain in each unit; None where no victim is complete."""
    name = grid.attackers[label]
    row = AttackerRow(
        dataset=dataset,
        size=size,
        attacker=label,
        control=name in grid.suite.controls,
        victims_needed=len(places),
    )
    harm = grid.harm(places)
    complete = ~np.isnan(harm).any(axis=1)
    if not complete.any():
        return row, None
    met = [places[index] for index in np.flatnonzero(complete)]
    units = harm[complete].mean(axis=0)
    gain = interval(units, grid.clusters, SEED)
    row = replace(
        row,
        gain=gain.mean,
        gain_low=known(gain.low),
        gain_high=known(gain.high),
        least_detectable=known(minimum_detectable_effect(units, grid.clusters)),
        lift_hr_10=whole_mean(np.array([grid.values("lift-hr@10", place) for place in met])),
        lift_hr_50=whole_mean(np.array([grid.values("lift-hr@50", place) for place in met])),
        victims_ok=len(met),
        tvd_excess=whole_mean(np.array([grid.values("tvd-excess", place) for place in met])),
        craft_cpu_seconds=whole_mean(np.array([grid.cpu_seconds("craft", place) for place in met])),
    )
    row = _beside_detectors(grid, row, met)
    return (row if name == BASELINE else _beside_random(grid, row, places, harm)), units


def _beside_random(grid: Grid, row: AttackerRow, places: list[Place], harm: Values) -> AttackerRow:
    """The row compared with random, victim by victim and unit by unit."""
    baselines = [label for label, name in grid.attackers.items() if name == BASELINE]
    if not baselines:
        return row
    random = np.mean([grid.harm(place._replace(attacker=label) for place in places) for label in baselines], axis=0)
    shared = ~np.isnan(harm + random).any(axis=1)
    if not shared.any():
        return row
    harm, random = harm[shared], random[shared]
    difference = paired_interval(harm.mean(axis=0), random.mean(axis=0), grid.clusters, SEED)
    return replace(
        row,
        victims_beaten=int(np.count_nonzero(harm.mean(axis=1) > random.mean(axis=1))),
        victims_compared=len(harm),
        above_random=(difference.mean if np.isnan(difference.low) else difference.low) > 0,
    )


def _beside_detectors(grid: Grid, row: AttackerRow, places: list[Place]) -> AttackerRow:
    """The row with the detector that tells its fakes best, whichever way round it does."""
    found: list[tuple[float, str]] = []
    for detector in sorted({name for place in places for name in grid.defenses(place)}):
        aucs = np.array([grid.values("detection-auc", place._replace(defense=detector)) for place in places])
        auc = whole_mean(aucs[~np.isnan(aucs).any(axis=1)])
        if auc is not None:
            found.append((max(auc, 1 - auc), detector))
    if not found:
        return row
    auc, detector = max(found)
    return replace(row, detector_auc=auc, detector=detector)
