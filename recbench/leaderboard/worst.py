"""The worst of several attacks, chosen on other seeds than it is reported on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recbench.leaderboard.grid import Values


def worst_attack(harm: Values, clusters: NDArray[np.int64], scale: Values | None = None) -> NDArray[np.intp]:
    """For each unit, which attack does the most harm on the units of all other clusters [u].

    Choosing on the unit itself would pick the luckiest attack. A single cluster leaves no other choice.

    Args:
        harm: [attacks, u].
        clusters: [u].
        scale: [attacks, u]; what the harm is a share of, means over means. A share of what is not
            positive is no share: such an attack is passed over.
    """
    other = clusters[:, None] != clusters
    if not other.any():
        other = ~other
    scales = np.ones_like(harm) @ other if scale is None else scale @ other
    shares = np.divide(harm @ other, scales, out=np.full(harm.shape, -np.inf), where=scales > 0)
    chosen: NDArray[np.intp] = shares.argmax(axis=0)
    return chosen


def pick(values: Values, chosen: NDArray[np.intp]) -> Values:
    """The value [u] of the attack chosen for each unit, of values [attacks, u]."""
    picked: Values = np.take_along_axis(values, chosen[None], axis=0)[0]
    return picked


def names(attacks: list[str], chosen: NDArray[np.intp]) -> str:
    """The attacks that were chosen, the most frequent first."""
    counts = np.bincount(chosen, minlength=len(attacks))
    order = sorted(np.flatnonzero(counts), key=lambda index: (-counts[index], attacks[index]))
    return ", ".join(attacks[index] for index in order)
