"""The figures of the first page as numbers: the scatter, the heat map and the budget curves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recbench.leaderboard.attackers import AttackerRow
from recbench.leaderboard.grid import Grid, Place, whole_mean
from recbench.leaderboard.recommenders import RecommenderRow
from recbench.leaderboard.render import Board
from recbench.leaderboard.site.script import shortened
from recbench.leaderboard.site.tables import Section


def charts(grid: Grid, boards: Iterable[Board], sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Of each section as JSON: the A/A `floor`, `scatter`, `heat`, and the `curves` of its data set."""
    rows = [row for board in boards for row in board.rows]
    recommenders = [row for row in rows if isinstance(row, RecommenderRow)]
    attackers = [row for row in rows if isinstance(row, AttackerRow)]
    several = len(grid.suite.threat.sizes) > 1
    return [
        {
            "floor": shortened(grid.floor(dataset)),
            "scatter": scatter(row for row in recommenders if (row.dataset, row.size) == (dataset, size)),
            "heat": heat(grid, dataset, size),
            "curves": curves(row for row in attackers if row.dataset == dataset) if several else [],
        }
        for dataset, size in sections
    ]


def scatter(rows: Iterable[RecommenderRow]) -> list[dict[str, Any]]:
    """A point for each recommender whose utility and worst case are known."""
    return [
        {
            "label": row.recommender,
            "utility": shortened(row.clean_ndcg_10),
            "gain": shortened(row.gain),
            "low": _short(row.gain_low),
            "high": _short(row.gain_high),
            "ranked": row.rank is not None,
            "front": row.on_front,
        }
        for row in rows
        if row.clean_ndcg_10 is not None and row.gain is not None
    ]


def heat(grid: Grid, dataset: str, size: float) -> dict[str, Any]:
    """The effect of each attack (rows) on each undefended victim (columns), a mean over units; None where one lacks."""
    victims, attackers = grid.victims(dataset), list(grid.attackers)
    harms = [grid.harm(Place(dataset, victim, each, size=size) for victim in victims) for each in attackers]
    values = [[_short(whole_mean(units)) for units in harm] for harm in harms]
    return {"attackers": attackers, "victims": victims, "values": values}


def curves(rows: Iterable[AttackerRow]) -> list[dict[str, Any]]:
    """The mean effect over victims of each attack at each size."""
    return [
        {
            "label": row.attacker,
            "size": row.size,
            "gain": shortened(row.gain),
            "low": _short(row.gain_low),
            "high": _short(row.gain_high),
        }
        for row in rows
        if row.gain is not None
    ]


def _short(value: float | None) -> float | int | None:
    return None if value is None else shortened(value)
