"""Ranks with shared ties, and how far they could move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from recbench.evaluation.statistics import drawn_ratios
from recbench.leaderboard.grid import Values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Row = TypeVar("Row", bound=DataclassInstance)
else:
    Row = TypeVar("Row")

SEED = 0
"""Of everything that is drawn: the same records make the same tables."""
DIGITS = 3
"""Scores that print alike share a rank."""


@dataclass(frozen=True, eq=False)
class Contender(Generic[Row]):
    """A row that may be ranked.

    Args:
        row: has the fields `rank`, `rank_low` and `rank_high`.
        label: orders rows of one rank.
        harm: [u]; the least mean ranks first. None is not ranked.
        scale: [u], what the harm is a share of, mean over mean; None for the harm as it is.
    """

    row: Row
    label: str
    harm: Values | None
    scale: Values | None = None


class Standing(NamedTuple):
    """A rank from 1, and the range that 95% of the resamples keep it in, where there are any."""

    rank: int
    rank_low: int | None = None
    rank_high: int | None = None


def ranked(contenders: Sequence[Contender[Row]], clusters: NDArray[np.int64]) -> list[Row]:
    """The rows, with ranges by paired draws where there are several clusters [u]; those not ranked below."""
    inside = [
        (each, each.harm, np.ones_like(each.harm) if each.scale is None else each.scale)
        for each in contenders
        if each.harm is not None
    ]
    harm = np.array([harm for _, harm, _ in inside]).reshape(len(inside), len(clusters))
    scale = np.array([scale for _, _, scale in inside]).reshape(len(inside), len(clusters))
    found = zip(inside, _standings(harm, scale, clusters), strict=True)
    ordered = sorted(found, key=lambda pair: (pair[1].rank, pair[0][0].label))
    above = [replace(each.row, **standing._asdict()) for (each, _, _), standing in ordered]
    below = sorted((each for each in contenders if each.harm is None), key=lambda each: each.label)
    return above + [each.row for each in below]


def _standings(harm: Values, scale: Values, clusters: NDArray[np.int64]) -> list[Standing]:
    if not len(harm):
        return []
    scores = np.round(harm.mean(axis=1) / scale.mean(axis=1), DIGITS)
    ranks: list[int] = _ranks(scores).tolist()
    if not several(clusters):
        return [Standing(rank) for rank in ranks]
    drawn = np.array([_ranks(draw) for draw in np.round(drawn_ratios(harm, scale, clusters, SEED), DIGITS).T])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0, method="inverted_cdf").astype(int).tolist()
    return [Standing(*standing) for standing in zip(ranks, low, high, strict=True)]


def _ranks(scores: Values) -> NDArray[np.int64]:
    """1 and the number of lower scores; of each."""
    return 1 + np.searchsorted(np.sort(scores), scores)


def several(clusters: NDArray[np.int64]) -> bool:
    """Whether there are two split seeds at least, so that resampling them says something."""
    return len(np.unique(clusters)) > 1
