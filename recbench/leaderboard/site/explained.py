"""Explanations of attacks that a run's store holds already; nothing is computed for a site."""

from __future__ import annotations

from typing import Any

import numpy as np

from recbench.leaderboard.site.script import shortened
from recbench.matrix.plan import Plan, stored
from recbench.store import Artifact, Store

SHOWN = 1500
"""How many genuine users a plane shows at most."""


def stored_explanations(plan: Plan, store: Store) -> dict[str, dict[str, Any]]:
    """By cell id, the explanations (`recbench.matrix.explain`) of undefended attacks that are in the store."""
    attacked = [cell for cell in plan.runnable if cell.attacker is not None and cell.defense is None]
    stages = {cell.id: plan.recipes.explain(cell) for cell in attacked}
    needed = [each for stage in stages.values() for each in (*stage.inputs.values(), stage)]
    ordered = dict.fromkeys(stage for each in needed for stage in (*each.inputs.values(), each))
    keys = stored(list(ordered), store)
    return {cell_id: explanation(store.get(keys[stage])) for cell_id, stage in stages.items() if stage in keys}


def explanation(artifact: Artifact) -> dict[str, Any]:
    """An explanation as JSON.

    Returns:
        `parts`: how many profiles are in each part. `influence`: the bits lost without each. `genuine` and
        `fakes`: places on the plane, of genuine users evenly spaced ones where there are more than `SHOWN`;
        `users`: how many there are.
    """
    part, influence, plane = (artifact.arrays[name] for name in ("part", "influence", "plane"))
    n = len(plane) - len(part)
    shown = np.unique(np.linspace(0, n - 1, min(n, SHOWN)).astype(np.int64))
    return {
        "parts": np.bincount(part).tolist(),
        "influence": [shortened(value) for value in influence.tolist()],
        "genuine": _places(plane[shown]),
        "fakes": _places(plane[n:]),
        "users": n,
    }


def _places(points: np.ndarray[Any, Any]) -> list[list[float]]:
    return [[round(x, 4), round(y, 4)] for x, y in points.tolist()]
