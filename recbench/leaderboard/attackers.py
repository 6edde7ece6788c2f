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

    Means are over the victims that the attack is ok on in all units, and over units. One attack does more
    than another where the 95% interval of their paired difference lies above 0; with a single unit, where
    the difference does.

    Args:
        gain, gain_low, gain_high: the effect and its 95% interval over units.
        least_detectable: the least effect that these units could have shown.
        victims_ok, victims_needed: how many victims the means are over, and how many there are.
        victims_beaten, victims_compared: on how many victims it does more than random, of those that
            both are ok on.
        above_random: it does more than random.
        falls_with_budget: it does less than at the next smaller size of the suite, which honestly happens.
        beaten_by: the attack that does most of those that do more and were shown less.
        repeats: whether the same crafting gave the same profiles twice, `yes` or `no`, or `failed` the second time.
        tvd_excess: total variation from genuine profiles, in excess of random genuine users.
        detector_auc, detector: two-sided AUC of the detector that tells the fakes best.
        craft_cpu_seconds: of crafting the profiles.
        knowledge: what the attacker was shown.
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
    knowledge: str | None = None
    falls_with_budget: bool | None = None
    beaten_by: str | None = None
    repeats: str | None = None


def attacker_rows(grid: Grid) -> list[AttackerRow]:
    """All rows, each section's ranked ones first."""
    return [row for dataset, size in grid.sections for row in ranked(contenders(grid, dataset, size), grid.clusters)]


def contenders(grid: Grid, dataset: str, size: float) -> list[Contender[AttackerRow]]:
    """The rows of one section, with what each unit lost to them (negative, for more ranks first) where complete."""
    victims = grid.victims(dataset)
    found = []
    for label in grid.attackers:
        places = [Place(dataset, victim, label, size=size) for victim in victims]
        row, gain = _row(grid, label, places, dataset, size)
        complete = gain is not None and row.victims_ok == row.victims_needed
        found.append(Contender(row, label, -gain if gain is not None and complete else None))
    return found


def _row(grid: Grid, label: str, places: list[Place], dataset: str, size: float) -> tuple[AttackerRow, Values | None]:
    """The row, and its gain in each unit; None where no victim is complete."""
    name = grid.attackers[label]
    row = AttackerRow(
        dataset=dataset,
        size=size,
        attacker=label,
        control=name in grid.suite.controls,
        victims_needed=len(places),
        knowledge=", ".join(sorted(grid.knowledge[label])) or None,
        repeats=grid.repeats(*(place._replace(size=grid.suite.threat.sizes[0]) for place in places)),
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
    row = row if name == BASELINE else _beside_random(grid, row, places, harm)
    smaller = _at_smaller_size(grid, places, size)
    falls = None if smaller is None else _does_more(grid, smaller, harm)
    return replace(row, falls_with_budget=falls, beaten_by=_beaten_by(grid, label, places, harm)), units


def _at_smaller_size(grid: Grid, places: list[Place], size: float) -> Values | None:
    """The harm at the next smaller attack size of the suite, [v, u]; None where there is none."""
    below = [other for other in grid.suite.threat.sizes if other < size]
    return grid.harm(place._replace(size=max(below)) for place in places) if below else None


def _beaten_by(grid: Grid, label: str, places: list[Place], harm: Values) -> str | None:
    """The attack that does most of those that were shown strictly less than this one and do more than it."""
    others = [other for other in grid.attackers if grid.knowledge[other] < grid.knowledge[label]]
    rivals = {other: grid.harm(place._replace(attacker=other) for place in places) for other in others}
    above = [other for other in others if _does_more(grid, rivals[other], harm)]
    return max(above, key=lambda other: float(np.nansum(rivals[other])), default=None)


def _does_more(grid: Grid, left: Values, right: Values) -> bool | None:
    """Whether one attack does more than another, on the victims [v, u] that both are ok on; None without any."""
    shared = ~np.isnan(left + right).any(axis=1)
    if not shared.any():
        return None
    difference = paired_interval(left[shared].mean(axis=0), right[shared].mean(axis=0), grid.clusters, SEED)
    return (difference.mean if np.isnan(difference.low) else difference.low) > 0


def _beside_random(grid: Grid, row: AttackerRow, places: list[Place], harm: Values) -> AttackerRow:
    """The row compared with random, victim by victim and unit by unit."""
    baselines = [label for label, name in grid.attackers.items() if name == BASELINE]
    if not baselines:
        return row
    random = np.mean([grid.harm(place._replace(attacker=label) for place in places) for label in baselines], axis=0)
    shared = ~np.isnan(harm + random).any(axis=1)
    if not shared.any():
        return row
    beaten = harm[shared].mean(axis=1) > random[shared].mean(axis=1)
    return replace(
        row,
        victims_beaten=int(np.count_nonzero(beaten)),
        victims_compared=len(beaten),
        above_random=_does_more(grid, harm, random),
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
