"""The boards of a suite: the three of each data set, the same across data sets, throughput, and what was timed."""

from __future__ import annotations

from collections.abc import Sequence

from recbench.leaderboard.attackers import AttackerRow, attacker_rows
from recbench.leaderboard.columns import (
    attacker_columns,
    defense_columns,
    overall_columns,
    recommender_columns,
    throughput_columns,
    timed_columns,
)
from recbench.leaderboard.defenses import DefenseRow, defense_rows
from recbench.leaderboard.foot import (
    attackers_foot,
    defenses_foot,
    overall_foot,
    recommenders_foot,
    throughput_foot,
    timed_foot,
)
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.overall import OverallRow, overall_attackers, overall_defenses, overall_recommenders
from recbench.leaderboard.recommenders import RecommenderRow, recommender_rows
from recbench.leaderboard.render import Board
from recbench.leaderboard.throughput import ThroughputRow, throughput_rows
from recbench.leaderboard.timed import TimedRow, timed_rows
from recbench.throughput.report import Report


def boards(grid: Grid, reports: Sequence[Report] = ()) -> list[Board]:
    """Recommenders, attackers and defenses; where there are several data sets, each over all of them; throughput.

    Args:
        grid: the cells.
        reports: of `recbench time`, which have a board of their own where there are some.

    Raises:
        DataError: two reports are of the same circumstances.
    """
    recommenders, attackers, defenses = recommender_rows(grid), attacker_rows(grid), defense_rows(grid)
    return [
        Board(
            "recommenders",
            "Recommenders",
            RecommenderRow,
            recommenders,
            recommender_columns(grid.effect),
            recommenders_foot(grid, recommenders),
        ),
        Board(
            "attackers",
            "Attackers",
            AttackerRow,
            attackers,
            attacker_columns(grid.effect),
            attackers_foot(grid, attackers),
        ),
        Board("defenses", "Defenses", DefenseRow, defenses, defense_columns(), defenses_foot(grid, defenses)),
        *(_overall(grid) if len(grid.datasets) > 1 else []),
        _throughput(grid),
        *([_timed(reports)] if reports else []),
    ]


def _overall(grid: Grid) -> list[Board]:
    gain, unit = grid.effect.name, grid.effect.unit
    kinds = [
        ("recommender", overall_recommenders(grid), f"worst {gain}, {unit}", "+.3f"),
        ("attacker", overall_attackers(grid), f"{gain}, {unit}", "+.3f"),
        ("defense", overall_defenses(grid), "recovered", "+.0%"),
    ]
    return [
        Board(
            f"{kind}s-overall",
            f"{kind.capitalize()}s over all data sets",
            OverallRow,
            rows,
            overall_columns(kind, effect, style),
            overall_foot(grid, f"{kind}s"),
            lambda row: ", ".join(grid.datasets),
        )
        for kind, rows, effect, style in kinds
    ]


def _throughput(grid: Grid) -> Board:
    rows = throughput_rows(grid)
    return Board(
        "throughput",
        "Throughput",
        ThroughputRow,
        rows,
        throughput_columns(rows),
        throughput_foot(rows),
        lambda row: f"on {row.machine}",
    )


def _timed(reports: Sequence[Report]) -> Board:
    rows = timed_rows(reports)
    return Board(
        "throughput-timed",
        "Throughput, timed alone",
        TimedRow,
        rows,
        timed_columns(rows),
        timed_foot(rows),
        lambda row: str(row.circumstances),
    )
