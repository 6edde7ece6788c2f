"""The boards across data sets: one rank for what is ranked on every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.evaluation.statistics import ratio_interval
from recbench.leaderboard import attackers, defenses, recommenders
from recbench.leaderboard.grid import Grid, Place, Values, known
from recbench.leaderboard.standing import SEED, Contender, ranked

Found = Mapping[str, Sequence[Contender[Any]]]
"""By data set, its contenders of one section."""
Reading = Callable[[float], float]
"""What is printed of the ratio of mean harm and mean scale."""


@dataclass(frozen=True, kw_only=True)
class OverallRow:
    """One component at one attack size, over all data sets; None is what cannot be said.

    Args:
        recommender: the victim, where a defense is judged.
        name: of what is judged.
        effect, effect_low, effect_high: the effect that the board of a data set ranks by, over the units of all
            data sets, and its 95% interval. Data sets have equally many units, so each weighs the same but for
            a defense, whose ratio of means weighs them by their scale.
        datasets_ranked, datasets: on how many it is ranked, of how many; it must be on all.
        missing: those that it is not ranked on.
    """

    size: float
    recommender: str | None = None
    name: str
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    datasets_ranked: int
    datasets: int
    missing: str | None = None


def overall_recommenders(grid: Grid) -> list[OverallRow]:
    """By the worst case over the mandatory attacks, the least first."""
    return [
        row
        for size in sorted(grid.suite.threat.sizes)
        for row in _rows(
            grid,
            {dataset: recommenders.contenders(grid, dataset, size) for dataset in grid.datasets},
            OverallRow(size=size, name="", datasets_ranked=0, datasets=len(grid.datasets)),
            lambda share: share,
        )
    ]


def overall_attackers(grid: Grid) -> list[OverallRow]:
    """By the mean effect on undefended victims, the largest first."""
    return [
        row
        for size in sorted(grid.suite.threat.sizes)
        for row in _rows(
            grid,
            {dataset: attackers.contenders(grid, dataset, size) for dataset in grid.datasets},
            OverallRow(size=size, name="", datasets_ranked=0, datasets=len(grid.datasets)),
            lambda share: -share,
        )
    ]


def overall_defenses(grid: Grid) -> list[OverallRow]:
    """By the share of the effect that is recovered, each victim by itself, the largest first."""
    victims = {dataset: grid.victims(dataset) for dataset in grid.datasets}
    return [
        row
        for size in sorted(grid.suite.threat.sizes)
        for victim in sorted({name for names in victims.values() for name in names})
        for row in _rows(
            grid,
            {
                dataset: defenses.contenders(grid, Place(dataset, victim, size=size)) if victim in names else []
                for dataset, names in victims.items()
            },
            OverallRow(size=size, recommender=victim, name="", datasets_ranked=0, datasets=len(grid.datasets)),
            lambda share: 1 - share,
        )
    ]


def _rows(grid: Grid, found: Found, blank: OverallRow, read: Reading) -> list[OverallRow]:
    """The rows of one section: pooled where ranked on every data set, and never filled in where not."""
    clusters = np.concatenate([grid.clusters + index * grid.suite.seeds for index in range(len(found))])
    labels = sorted({each.label for contenders in found.values() for each in contenders})
    pooled = []
    for label in labels:
        parts = {
            dataset: each
            for dataset, contenders in found.items()
            for each in contenders
            if each.label == label and each.harm is not None
        }
        row = replace(blank, name=label, datasets_ranked=len(parts))
        if len(parts) < len(found):
            missing = ", ".join(dataset for dataset in found if dataset not in parts)
            pooled.append(Contender(replace(row, missing=missing), label, None))
            continue
        harm, scale = _concatenated(list(parts.values()))
        pooled.append(Contender(_read(row, harm, scale, clusters, read), label, harm, scale))
    return ranked(pooled, clusters)


def _concatenated(parts: Sequence[Contender[Any]]) -> tuple[Values, Values]:
    harms = [each.harm for each in parts if each.harm is not None]
    scales = [np.ones_like(harm) if each.scale is None else each.scale for each, harm in zip(parts, harms, strict=True)]
    return np.concatenate(harms), np.concatenate(scales)


def _read(row: OverallRow, harm: Values, scale: Values, clusters: NDArray[np.int64], read: Reading) -> OverallRow:
    share = ratio_interval(harm, scale, clusters, SEED)
    low, high = sorted((read(share.low), read(share.high)))
    return replace(row, effect=read(share.mean), effect_low=known(low), effect_high=known(high))
