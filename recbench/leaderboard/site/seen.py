"""What detectors saw of attacks, by the verdicts that a run's store holds already."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recbench.errors import DataError
from recbench.evaluation.detection import percentiles
from recbench.leaderboard.grid import Record
from recbench.leaderboard.site.components import Components
from recbench.matrix.surroundings import profiles_of
from recbench.store import Store

BINS = 20
JUDGED = "detection-auc"
"""The metric of cells whose fakes somebody has judged."""
UNDEFENDED = {"defense": None, "examples": None}


def stored_verdicts(records: Sequence[Record], components: Components, store: Store) -> dict[str, list[dict[str, Any]]]:
    """By cell id, what was said of the cell's fakes: of a defended cell by its defense, of an undefended one by every
    defense of the run that judges.

    Args:
        records: of the run.
        components: of these records.
        store: with the profiles and the verdicts; what is not in it any more is left out.

    Returns:
        Of each defense: `defense`, its number among the components; `kept` and `removed` [BINS], how many fakes stand
        where among the genuine users: the k-th above a share of them from k/BINS to less than (k+1)/BINS, the last with
        1; `genuine`, how many genuine users there are, and `lost`, how many of them were removed, None where nobody is
        removed.
    """
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    of_poison: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        if record["status"] != "ok" or JUDGED not in record["metrics"]:
            continue
        try:
            said = _said(record.get("artifacts", {}), store)
        except DataError:
            continue  # cleared away, or damaged: 'recbench store check' tells
        verdict = {"defense": components.numbers(record["question"])[3], **said}
        found[record["cell_id"]].append(verdict)
        of_poison[_poison_of(record)].append(verdict)
    for record in records:
        if record["question"]["defense"]["name"] == "none" and (verdicts := of_poison.get(_poison_of(record))):
            found[record["cell_id"]] = sorted(verdicts, key=lambda each: int(each["defense"]))
    return dict(found)


def _poison_of(record: Record) -> str:
    return json.dumps(record["question"] | UNDEFENDED, sort_keys=True)


def _said(artifacts: Mapping[str, str], store: Store) -> dict[str, Any]:
    judged = store.get(artifacts.get("verdict") or artifacts.get("fit", "")).arrays
    n = len(judged["suspicion"]) - len(profiles_of(store.get(artifacts.get("profiles", ""))))
    keep = judged.get("keep", np.ones(len(judged["suspicion"]), np.bool_))
    places = np.minimum((percentiles(judged["suspicion"], n) * BINS).astype(np.int64), BINS - 1)
    return {
        "kept": np.bincount(places[keep[n:]], minlength=BINS).tolist(),
        "removed": np.bincount(places[~keep[n:]], minlength=BINS).tolist(),
        "genuine": n,
        "lost": int((~keep[:n]).sum()) if "keep" in judged else None,
    }
