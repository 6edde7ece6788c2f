"""The defenses' board: how much of an attack's effect each takes back from a victim, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recbench.evaluation.statistics import interval, minimum_detectable_effect, ratio_interval
from recbench.leaderboard.grid import UTILITY, Grid, Place, Values, known, whole_mean
from recbench.leaderboard.standing import SEED, Contender, ranked
from recbench.leaderboard.worst import names, pick, worst_attack

GATE = 0.95
"""The least share of the undefended victim's clean utility that is ranked."""


@dataclass(frozen=True, kw_only=True)
class DefenseRow:
    """One defense of one victim on one data set at one attack size; None is what cannot be said.

    Args:
        recovered, recovered_low, recovered_high: the share of the effect that the defense takes back from the attack
            that it does worst on, a ratio of means, and its 95% interval: 1 leaves nothing of the attack, 0 all, less
            than 0 makes it worse.
        attack: which attack that is; several where seeds disagree.
        attacks_ok, attacks_needed: how many of the mandatory attacks are ok on all units, with the
            defense and without.
        attacks_significant: how many of these have an effect that there is a share of.
        least_detectable: the least effect taken back that these units could have shown.
        utility_change: of NDCG@10 without attack, relative to the undefended victim's.
        detection_ap, detection_auc, detection_recall, genuine_removed: means over the mandatory attacks.
        cpu_seconds: of making examples, inspecting and fitting, beyond the undefended fit.
        adaptive_gain, adaptive: what an attack that was shown the defense does in spite of it, and which; the
            worst of several.
        adaptive_recovered: the share that the defense takes back of what the same attacks do when they are shown that
            nothing is deployed: another poison, the best that they can do each time.
        repeats: whether the same verdict or training came out twice, `yes` or `no`, or `failed` the second time.
    """

    dataset: str
    size: float
    recommender: str
    defense: str
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    recovered: float | None = None
    recovered_low: float | None = None
    recovered_high: float | None = None
    attack: str | None = None
    attacks_ok: int = 0
    attacks_needed: int = 0
    attacks_significant: int = 0
    least_detectable: float | None = None
    utility_change: float | None
    passes_gate: bool
    detection_ap: float | None
    detection_auc: float | None
    detection_recall: float | None
    genuine_removed: float | None
    cpu_seconds: float | None
    adaptive_gain: float | None = None
    adaptive: str | None = None
    adaptive_recovered: float | None = None
    repeats: str | None = None


def defense_rows(grid: Grid) -> list[DefenseRow]:
    """All rows, each victim's ranked ones first."""
    return [
        row
        for dataset, size in grid.sections
        for victim in grid.victims(dataset)
        for row in ranked(contenders(grid, Place(dataset, victim, size=size)), grid.clusters)
    ]


def contenders(grid: Grid, victim: Place) -> list[Contender[DefenseRow]]:
    """The rows of one victim, with what is left of the attack's effect in each unit where they may be ranked."""
    found = []
    for defense in grid.defenses(victim):
        row = _beside_adaptive(grid, victim, _in_peace(grid, victim, defense))
        row, left, effect = _under_attack(grid, victim, row)
        found.append(Contender(row, defense, left if row.passes_gate else None, effect))
    return found


def _in_peace(grid: Grid, victim: Place, defense: str) -> DefenseRow:
    """The row with all but its share recovered."""
    undefended = victim._replace(size=0.0)
    before = whole_mean(grid.values(UTILITY, undefended))
    after = whole_mean(grid.values(UTILITY, undefended._replace(defense=defense)))
    change = after / before - 1 if before and after is not None else None
    attacked = [victim._replace(attacker=attack) for attack in grid.judged]
    defended = [place._replace(defense=defense) for place in attacked]

    def mean(metric: str) -> float | None:
        return whole_mean(np.array([grid.values(metric, place) for place in defended]))

    return DefenseRow(
        dataset=victim.dataset,
        size=victim.size,
        recommender=victim.recommender,
        defense=defense,
        attacks_needed=len(attacked),
        utility_change=change,
        passes_gate=change is not None and round(1 + change, 9) >= GATE,
        detection_ap=mean("detection-ap"),
        detection_auc=mean("detection-auc"),
        detection_recall=mean("detection-recall"),
        genuine_removed=mean("genuine-removed"),
        cpu_seconds=_cost(grid, attacked, defended),
        repeats=grid.repeats(undefended._replace(defense=defense)),
    )


def _beside_adaptive(grid: Grid, victim: Place, row: DefenseRow) -> DefenseRow:
    """The row with the worst of the attacks that were shown the defense and are ok on all units."""
    informed = [label for label in grid.attackers if "defense" in grid.knowledge[label]]
    harm = grid.harm(victim._replace(attacker=label, defense=row.defense) for label in informed)
    complete = np.flatnonzero(~np.isnan(harm).any(axis=1))
    if not len(complete):
        return row
    chosen = worst_attack(harm[complete], grid.clusters)
    left = pick(harm[complete], chosen)
    effect = pick(grid.harm(victim._replace(attacker=informed[index]) for index in complete), chosen)
    significant = not np.isnan(effect).any() and _is_significant(grid, victim, effect)
    return replace(
        row,
        adaptive_gain=whole_mean(left),
        adaptive=names([informed[index] for index in complete], chosen),
        adaptive_recovered=1 - float(left.mean() / effect.mean()) if significant else None,
    )


def _cost(grid: Grid, attacked: list[Place], defended: list[Place]) -> float | None:
    before = [[grid.cpu_seconds(stage, place) for place in defended] for stage in ("simulate", "sanitize")]
    fits = np.array([grid.cpu_seconds("fit", place) for place in defended])
    undefended = np.array([grid.cpu_seconds("fit", place) for place in attacked])
    # Robust training inspects nothing, and most defenses learn from no examples.
    return whole_mean(np.nan_to_num(before).sum(axis=0) + fits - undefended)


def _under_attack(grid: Grid, victim: Place, row: DefenseRow) -> tuple[DefenseRow, Values | None, Values | None]:
    """The row with its worst case; what the defense left of that attack's effect in each unit, and the effect."""
    attacked = [victim._replace(attacker=attack) for attack in grid.judged]
    effect = grid.harm(attacked)
    left = grid.harm(place._replace(defense=row.defense) for place in attacked)
    complete = ~np.isnan(effect + left).any(axis=1)
    row = replace(row, attacks_ok=int(complete.sum()))
    if not attacked or not complete.all():
        return row, None, None
    significant = [index for index, units in enumerate(effect) if _is_significant(grid, victim, units)]
    row = replace(row, attacks_significant=len(significant))
    if not significant:
        return row, None, None
    chosen = worst_attack(left[significant], grid.clusters, effect[significant])
    left, effect = pick(left[significant], chosen), pick(effect[significant], chosen)
    share = ratio_interval(left, effect, grid.clusters, SEED)
    return (
        replace(
            row,
            recovered=1 - share.mean,
            recovered_low=known(1 - share.high),
            recovered_high=known(1 - share.low),
            attack=names([grid.judged[index] for index in significant], chosen),
            least_detectable=known(minimum_detectable_effect(effect - left, grid.clusters)),
        ),
        left,
        effect,
    )


def _is_significant(grid: Grid, victim: Place, units: Values) -> bool:
    """Whether the 95% interval of the effect [u] lies above the A/A floor: a share of noise is no share."""
    return interval(units, grid.clusters, SEED).low > grid.floor(victim.dataset)
