"""The figures of a report, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from recbench.evaluation.detection import percentiles
from recbench.report.explanation import Explanation

if TYPE_CHECKING:
    from recbench.report.report import Report

GENUINE, FAKE, CONTROL = "#8a8f98", "#c1272d", "#4c78a8"
"""Told apart by lightness as well as by hue."""
ROW = 0.42
"""Inches a bar."""


def attacks(report: Report) -> Figure:
    """A bar an attack, its 95% interval, and the floor that A/A runs set."""
    rows = [row for row in report.attacks if row.gain is not None][::-1]
    figure, axes = _bars(len(rows), f"effect on {report.recommender}, bits of rank gain")
    gains = np.array([row.gain for row in rows], dtype=np.float64)
    ends = np.array([(row.gain_low, row.gain_high) for row in rows], dtype=np.float64).reshape(-1, 2)
    colours = [CONTROL if row.control else FAKE for row in rows]
    axes.barh(range(len(rows)), gains, color=colours, height=0.6)
    axes.hlines(range(len(rows)), ends[:, 0], ends[:, 1], color="black", linewidth=1.2)
    axes.axvspan(-report.floor, report.floor, color=GENUINE, alpha=0.3, linewidth=0)
    axes.set_yticks(range(len(rows)), [row.attacker + (" (control)" if row.control else "") for row in rows])
    axes.set_title("Attacks; the band is what the order of users alone can make", fontsize=9, loc="left")
    return figure


def defenses(report: Report) -> Figure:
    """A bar a defense: the share that it takes back of the attack that it does worst on."""
    rows = [row for row in report.defenses if row.recovered is not None][::-1]
    figure, axes = _bars(len(rows), "share of the effect taken back, of the attack that it does worst on")
    axes.barh(range(len(rows)), [row.recovered or 0.0 for row in rows], color=CONTROL, height=0.6)
    labels = [
        f"{row.defense}\n{row.utility_change:+.1%} NDCG@10" if row.utility_change is not None else row.defense
        for row in rows
    ]
    axes.set_yticks(range(len(rows)), labels)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_title("Defenses, with what they change without an attack", fontsize=9, loc="left")
    return figure


def explanation(explained: Explanation, floor: float) -> Figure:
    """Three panels: influence of the fakes, their place among the users, their place in each detector's order.

    Args:
        explained: the attack.
        floor: bits that the order of users alone can make, shown as a band.
    """
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    influence, plane, seen = figure.subplots(1, 3)
    influence.bar(range(len(explained.influence)), explained.influence, color=FAKE)
    influence.axhline(0, color="black", linewidth=0.8)
    influence.axhspan(-floor, floor, color=GENUINE, alpha=0.3, linewidth=0)
    influence.set_xlabel(_parts(np.bincount(explained.part)))
    influence.set_ylabel("bits lost without it")
    influence.set_title("Which fakes moved the targets", fontsize=9, loc="left")

    genuine, fakes = explained.plane[: explained.n_genuine], explained.plane[explained.n_genuine :]
    plane.scatter(*genuine.T, s=4, color=GENUINE, label="genuine", rasterized=True, linewidths=0)
    plane.scatter(*fakes.T, s=22, color=FAKE, marker="x", label="fake", linewidths=1.2)
    plane.set_xlabel("first principal axis")
    plane.set_ylabel("second")
    plane.legend(fontsize=8, frameon=False)
    plane.set_title("Where they stand among the users", fontsize=9, loc="left")

    _seen(seen, explained)
    for axes in (influence, plane, seen):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure


def _parts(sizes: NDArray[np.int64]) -> str:
    """What a bar of influence stands for, given how many profiles are in each part."""
    if sizes.max(initial=1) == 1:
        return "fake profile"
    ends = dict.fromkeys((int(sizes.min()), int(sizes.max())))
    return f"part of the fakes, {' to '.join(map(str, ends))} profiles each"


def _seen(axes: Axes, explained: Explanation) -> None:
    """Each fake by the share of genuine users who look less suspicious to a detector; removed ones filled."""
    axes.set_title("What the detectors saw", fontsize=9, loc="left")
    names = list(explained.seen)
    for row, name in enumerate(names):
        verdict = explained.seen[name]
        places = percentiles(verdict.suspicion, explained.n_genuine)
        removed = verdict.removed[explained.n_genuine :]
        axes.scatter(places[~removed], np.full((~removed).sum(), row), s=26, facecolors="none", edgecolors=FAKE)
        axes.scatter(places[removed], np.full(removed.sum(), row), s=26, color=FAKE)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.7, max(len(names), 1) - 0.3)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("share of genuine users less suspicious\n(filled: removed)")


def _bars(count: int, label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 1.1 + ROW * max(count, 1)), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
