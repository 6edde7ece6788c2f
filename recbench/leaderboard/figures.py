"""The figures of a suite, by matplotlib: utility against robustness, attackers by victims, effect by budget."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recbench.leaderboard.attackers import AttackerRow, attacker_rows
from recbench.leaderboard.grid import Grid, Place, Values
from recbench.leaderboard.recommenders import RecommenderRow, recommender_rows
from recbench.leaderboard.render import plain

FRONT, OTHER, UNRANKED = "#c1272d", "#4c78a8", "#8a8f98"
"""Told apart by lightness as well as by hue, and by shape."""
MARKERS = "osD^vPX*<>"
STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a name is no formula
    "svg.hashsalt": "recbench",  # the same records make the same file
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
}


def figures(grid: Grid) -> dict[str, Figure]:
    """The figures of every data set by the name of their file; those that there is nothing to show in are left out."""
    with mpl.rc_context(STYLE):
        found: dict[str, Figure] = {}
        for title, figure in _figures(grid):
            name = re.sub(r"[^a-z0-9.%]+", "-", title.lower()).replace("%", "pct").strip("-")
            names = (name, *(f"{name}-{number}" for number in range(2, len(found) + 3)))
            found[next(free for free in names if free not in found)] = figure
        return found


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file, as what its suffix says, without the time of day."""
    with mpl.rc_context(STYLE):
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)


def _figures(grid: Grid) -> Iterator[tuple[str, Figure]]:
    recommenders, attackers = recommender_rows(grid), attacker_rows(grid)
    for dataset, size in grid.sections:
        where = f"{dataset} {100 * size:.3g}%"
        known = [row for row in recommenders if (row.dataset, row.size) == (dataset, size) and row.gain is not None]
        if known:
            yield f"utility robustness {where}", _scatter(grid, known)
        effects = _effects(grid, dataset, size)
        if not np.isnan(effects).all():
            yield f"attackers victims {where}", _heat(grid, dataset, size, effects)
    for dataset in grid.datasets:
        known_attackers = [row for row in attackers if row.dataset == dataset and row.gain is not None]
        if len({row.size for row in known_attackers}) > 1:
            yield f"budget {dataset}", _budget(grid, known_attackers)


def _scatter(grid: Grid, rows: list[RecommenderRow]) -> Figure:
    """Clean utility and worst case of each recommender with its 95% interval, and the front among the ranked."""
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_title(f"{plain(rows[0].dataset)}, attack size {100 * rows[0].size:.3g}%; hollow: not ranked")
    axes.set_xlabel("NDCG@10 without attack (more is better)")
    axes.set_ylabel(f"worst {grid.effect.name}, {grid.effect.unit} (less is better)")
    for row in rows:
        colour = UNRANKED if row.rank is None else FRONT if row.on_front else OTHER
        x, y = _point(row)
        if row.gain_low is not None and row.gain_high is not None:
            axes.vlines(x, row.gain_low, row.gain_high, color=colour, linewidth=1.2)
        axes.scatter(
            x,
            y,
            s=32,
            marker="D" if row.on_front else "o",
            facecolors="none" if row.rank is None else colour,
            edgecolors=colour,
            zorder=3,
        )
        place = (5, -11) if _is_under_neighbour(row, rows) else (5, 4)
        axes.annotate(plain(row.recommender), (x, y), place, textcoords="offset points", fontsize=8)
    front = sorted(_point(row) for row in rows if row.on_front)
    if front:
        axes.step(
            *zip(*front, strict=True), where="pre", color=FRONT, linewidth=1, linestyle="--", label="Pareto front"
        )
        axes.legend(fontsize=8, frameon=False)
    axes.margins(0.18)
    return figure


def _point(row: RecommenderRow) -> tuple[float, float]:
    assert row.gain is not None
    return (np.nan if row.clean_ndcg_10 is None else row.clean_ndcg_10), row.gain


def _is_under_neighbour(row: RecommenderRow, rows: list[RecommenderRow]) -> bool:
    """Whether the row nearest in utility is above it: the names of the two are kept apart."""
    others = [other for other in rows if other is not row]
    nearest = min(others, key=lambda other: abs(_point(other)[0] - _point(row)[0]), default=row)
    return _point(nearest)[1] > _point(row)[1]


def _effects(grid: Grid, dataset: str, size: float) -> Values:
    """The mean effect of each attack on each undefended victim [a, v]; NaN where it is not ok on all units."""
    victims = grid.victims(dataset)
    harms = [
        grid.harm(Place(dataset, victim, attacker, size=size) for victim in victims) for attacker in grid.attackers
    ]
    return np.array([harm.mean(axis=1) for harm in harms]).reshape(len(harms), len(victims))


def _heat(grid: Grid, dataset: str, size: float, effects: Values) -> Figure:
    """The effects [a, v] as a map."""
    attackers, victims = list(grid.attackers), grid.victims(dataset)
    figure = Figure(figsize=(2.4 + 0.75 * len(victims), 1.6 + 0.34 * len(attackers)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(effects, cmap="viridis", aspect="auto")
    light = np.nanmin(effects) + 0.6 * (np.nanmax(effects) - np.nanmin(effects))
    for row, column in itertools.product(range(len(attackers)), range(len(victims))):
        text = "×" if np.isnan(effects[row, column]) else f"{effects[row, column]:+.2f}"
        color = "white" if effects[row, column] < light else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    axes.set_xticks(range(len(victims)), [plain(name) for name in victims], rotation=30, ha="right")
    axes.set_yticks(range(len(attackers)), [plain(name) for name in attackers])
    axes.set_title(f"{plain(dataset)}, attack size {100 * size:.3g}%\n×: not ok on all units")
    figure.colorbar(image, label=f"mean {grid.effect.name}, {grid.effect.unit}")
    return figure


def _budget(grid: Grid, rows: list[AttackerRow]) -> Figure:
    """Mean effect of each attack by its size, with 95% intervals."""
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, attacker in enumerate(sorted({row.attacker for row in rows})):
        _curve(axes, sorted((row for row in rows if row.attacker == attacker), key=lambda row: row.size), number)
    axes.set_title(plain(rows[0].dataset))
    axes.set_xlabel("attack size, %")
    axes.set_ylabel(f"mean {grid.effect.name}, {grid.effect.unit}")
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _curve(axes: Axes, rows: list[AttackerRow], number: int) -> None:
    sizes = [100 * row.size for row in rows]
    label = plain(rows[0].attacker) + (" (control)" if rows[0].control else "")
    style = ":" if rows[0].control else "-"
    (line,) = axes.plot(
        sizes,
        np.array([row.gain for row in rows], dtype=np.float64),
        marker=MARKERS[number % len(MARKERS)],
        linestyle=style,
        label=label,
    )
    ends = np.array([(row.gain_low, row.gain_high) for row in rows], dtype=np.float64)
    axes.fill_between(sizes, ends[:, 0], ends[:, 1], color=line.get_color(), alpha=0.15, linewidth=0)
