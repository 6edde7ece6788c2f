"""Cell records as the matrix writes them, with numbers that a hand can reckon with."""

from __future__ import annotations

from typing import Any

from recbench.matrix.identity import cell_id
from recbench.matrix.suite import Suite

Record = dict[str, Any]


def suite(**changed: Any) -> Suite:
    """Two split seeds, one target group, two mandatory attacks."""
    content: dict[str, Any] = {
        "name": "hand-made",
        "version": "7",
        "datasets": ["d"],
        "recommenders": ["*"],
        "seeds": 2,
        "mandatory": ["p", "g"],
        "controls": ["random"],
        "threat": {"sizes": [0.03]},
    }
    return Suite.model_validate(content | changed)


def record(
    recommender: str,
    attacker: str = "none",
    defense: str = "none",
    *,
    seed: int = 0,
    group: int = 0,
    dataset: str = "d",
    size: float = 0.03,
    replica: int = 0,
    params: dict[str, Any] | None = None,
    metrics: dict[str, float] | None = None,
    cpu: dict[str, float] | None = None,
    **outcome: str,
) -> Record:
    """One cell; `params` are the recommender's, `cpu` seconds by stage, `outcome` status, stage and reason."""
    question = {
        "dataset": dataset,
        "data": {"version": "1", "params": {}},
        "feedback": "implicit",
        "split": {"kind": "ratio", "shares": [0.8, 0.1, 0.1]},
        "seed": seed,
        "recommender": {"name": recommender, "version": "1", "params": params or {}},
        "attacker": {"name": attacker, "version": "1", "params": {}},
        "defense": {"name": defense, "version": "1", "params": {}},
        "size": 0.0 if attacker == "none" else size,
        "goal": "push",
        "group": group,
        "replica": replica,
    }
    return {
        "cell_id": cell_id(question),
        "build_id": "b",
        "question": question,
        "status": "ok",
        "stage": "",
        "reason": "",
        "metrics": metrics or {},
        "cost": {stage: {"cpu_seconds": seconds} for stage, seconds in (cpu or {}).items()},
        **outcome,
    }


def each_seed(*cell: str, **columns: Any) -> list[Record]:
    """One record a seed: `each_seed("A", "p", gain=[1.0, 2.0])` sets `rank-gain` of seeds 0 and 1."""
    keys = {"size", "group", "dataset", "replica", "params"}
    fixed = {key: value for key, value in columns.items() if key in keys}
    cpu = {key: values for key, values in columns.items() if key in ("craft", "sanitize", "fit")}
    metrics = {NAMES[key]: values for key, values in columns.items() if key in NAMES}
    assert keys | cpu.keys() | NAMES.keys() >= columns.keys()
    return [
        record(
            *cell,
            seed=seed,
            metrics={name: values[seed] for name, values in metrics.items()},
            cpu={stage: values[seed] for stage, values in cpu.items()},
            **fixed,
        )
        for seed in range(len(next(iter((metrics | cpu).values()))))
    ]


NAMES = {
    "ndcg": "ndcg@10",
    "recall20": "recall@20",
    "gain": "rank-gain",
    "drop": "ndcg-drop@10",
    "hr10": "lift-hr@10",
    "hr50": "lift-hr@50",
    "tvd": "tvd-excess",
    "auc": "detection-auc",
    "ap": "detection-ap",
    "found": "detection-recall",
    "removed": "genuine-removed",
    "exposure": "exposure-hr@10",
}


def knowing(records: list[Record], *kinds: str) -> list[Record]:
    """The same cells, by an attacker that was shown something."""
    return [one | {"knowledge": list(kinds)} for one in records]


def failed(records: list[Record], **outcome: str) -> list[Record]:
    """The same cells, without an answer."""
    return [one | {"metrics": {}, "cost": {}} | outcome for one in records]


def clean(recommender: str, ndcg: list[float], **more: Any) -> list[Record]:
    """A recommender without attack or defense."""
    zero = [0.0] * len(ndcg)
    return each_seed(recommender, ndcg=ndcg, recall20=[2 * value for value in ndcg], gain=zero, **more)
