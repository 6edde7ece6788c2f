"""The recommenders' board: clean utility, and the worst that the mandatory attacks do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recbench.evaluation.statistics import interval, minimum_detectable_effect
from recbench.leaderboard.grid import UTILITY, Grid, Place, Values, known, whole_mean
from recbench.leaderboard.pareto import pareto_front
from recbench.leaderboard.standing import SEED, Contender, ranked
from recbench.leaderboard.worst import names, pick, worst_attack

GATE = 0.9
"""The least share of the data set's best clean utility that is ranked: a useless model cannot win."""
EXPOSED = 0.05
"""The share of the users who find a target among their first ten without attack, from which one that raises the
targets has little left to prove."""


@dataclass(frozen=True, kw_only=True)
class RecommenderRow:
    """One recommender on one data set at one attack size; None is what cannot be said.

    Args:
        clean_ndcg_10, clean_recall_20: means over units without attack.
        share_of_best: of the best clean NDCG@10 on the data set.
        gain, gain_low, gain_high: the worst case and its 95% interval.
        least_detectable: the least effect that these units could have shown.
        attack: what causes the worst case; several where seeds disagree.
        lift_hr_10, lift_hr_50, attacked_ndcg_10: under that attack.
        attacks_ok, attacks_needed: how many of the mandatory attacks are ok on all units.
        on_front: no other ranked row of the section is at least as good in clean utility and in the worst
            case, and better in one; None for a row that is not ranked.
        clean_exposure: HR@10 of the targets without attack.
        exposed: the targets were before an attack that raises them.
        repeats: whether the same training gave the same lists twice, `yes` or `no`, or `failed` the second time.
    """

    dataset: str
    size: float
    recommender: str
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    clean_ndcg_10: float | None
    clean_recall_20: float | None
    share_of_best: float | None
    passes_gate: bool
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    least_detectable: float | None = None
    attack: str | None = None
    lift_hr_10: float | None = None
    lift_hr_50: float | None = None
    attacked_ndcg_10: float | None = None
    attacks_ok: int = 0
    attacks_needed: int = 0
    on_front: bool | None = None
    clean_exposure: float | None = None
    exposed: bool = False
    repeats: str | None = None


def recommender_rows(grid: Grid) -> list[RecommenderRow]:
    """All rows, each section's ranked ones first."""
    return [
        row
        for dataset, size in grid.sections
        for row in _with_front(ranked(contenders(grid, dataset, size), grid.clusters))
    ]


def contenders(grid: Grid, dataset: str, size: float) -> list[Contender[RecommenderRow]]:
    """The rows of one section, with the worst case of each unit where they may be ranked."""
    recommenders = grid.recommenders(dataset)
    utilities = {name: whole_mean(grid.values(UTILITY, Place(dataset, name))) for name in recommenders}
    # One that failed on some seeds sets the bar by the others: its failure must not lower it for everyone else.
    seen = [grid.utility(dataset, name) for name in recommenders]
    best = max((utility for utility in seen if utility is not None), default=0.0)
    found = []
    for name, utility in utilities.items():
        share = utility / best if utility is not None and best else None
        exposure = whole_mean(grid.values("exposure-hr@10", Place(dataset, name)))
        clean = RecommenderRow(
            dataset=dataset,
            size=size,
            recommender=name,
            clean_ndcg_10=utility,
            clean_recall_20=whole_mean(grid.values("recall@20", Place(dataset, name))),
            share_of_best=share,
            passes_gate=share is not None and round(share, 9) >= GATE,
            clean_exposure=exposure,
            repeats=grid.repeats(Place(dataset, name)),
            exposed=grid.suite.threat.goal == "push" and exposure is not None and exposure >= EXPOSED,
        )
        row, harm = _under_attack(grid, clean)
        found.append(Contender(row, name, harm if row.passes_gate else None))
    return found


def _with_front(rows: list[RecommenderRow]) -> list[RecommenderRow]:
    """The rows of one section, each ranked one marked as on the front or not."""
    points = [(row.clean_ndcg_10, -row.gain) for row in rows if row.rank is not None and row.gain is not None]
    front = iter(pareto_front(np.array(points, dtype=np.float64).reshape(-1, 2)).tolist())
    return [row if row.rank is None else replace(row, on_front=next(front)) for row in rows]


def _under_attack(grid: Grid, row: RecommenderRow) -> tuple[RecommenderRow, Values | None]:
    """The row with its worst case, and the harm of each unit; without them until every attack is ok."""
    attacked = [Place(row.dataset, row.recommender, attack, size=row.size) for attack in grid.judged]
    harm = grid.harm(attacked)
    complete = ~np.isnan(harm).any(axis=1)
    row = replace(row, attacks_ok=int(complete.sum()), attacks_needed=len(attacked))
    if not attacked or not complete.all():
        return row, None
    chosen = worst_attack(harm, grid.clusters)
    worst = pick(harm, chosen)
    gain = interval(worst, grid.clusters, SEED)

    def under(metric: str) -> float | None:
        return whole_mean(pick(np.array([grid.values(metric, place) for place in attacked]), chosen))

    return replace(
        row,
        gain=gain.mean,
        gain_low=known(gain.low),
        gain_high=known(gain.high),
        least_detectable=known(minimum_detectable_effect(worst, grid.clusters)),
        attack=names(grid.judged, chosen),
        lift_hr_10=under("lift-hr@10"),
        lift_hr_50=under("lift-hr@50"),
        attacked_ndcg_10=under(UTILITY),
    ), worst
