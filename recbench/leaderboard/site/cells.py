"""Cells as JSON: one line of a table each, and all that is known of one in the shard that holds it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recbench.leaderboard.grid import UTILITY, Effect, Record
from recbench.leaderboard.site.components import Components
from recbench.leaderboard.site.script import shortened
from recbench.matrix.suite import Suite
from recbench.store import Store
from recbench.store.store import check_key

SHARD_LETTERS = 2
"""A shard holds the cells whose ids begin with the same letters: ids are hexadecimal, so there are 256."""
LOG_BYTES = 4000
"""How much of the end of a log is shown."""
SHARED = ("dataset", "data", "recommender", "attacker", "defense", "size", "seed", "group", "replica")
"""What of a question is told for each cell; the rest is the protocol, which a suite's cells have in common."""


@dataclass(frozen=True)
class Cells:
    """All cells of a site.

    Args:
        lines: by the order of the records: id, numbers of the components, size, seed, group, replica, status,
            effect, utility and seconds.
        shards: by the letters that the ids in them begin with, the details by id.
        protocols: the distinct parts of questions that are not told for each cell.
        metrics: names, which the details refer to by number.
    """

    lines: list[list[Any]]
    shards: Mapping[str, Mapping[str, Any]]
    protocols: list[dict[str, Any]]
    metrics: list[str]


def cells(
    records: Sequence[Record],
    suite: Suite,
    effect: Effect,
    components: Components,
    store: Store | None = None,
    poison: Mapping[str, str] | None = None,
    explained: Mapping[str, Any] | None = None,
    seen: Mapping[str, Any] | None = None,
) -> Cells:
    """The cells of a suite.

    Args:
        records: of the cells.
        suite: whose cells they are.
        effect: by which attacks are judged.
        components: of these records.
        store: with the logs; None shows none.
        poison: for the keys of profiles, the address of a file that holds them.
        explained: explanations by cell id.
        seen: what defenses said of the fakes, by cell id.

    Raises:
        DataError: a cell id that is no file name.
    """
    poison, explained, seen = poison or {}, explained or {}, seen or {}
    metrics = sorted({name for record in records for name in record["metrics"]})
    numbers = {name: number for number, name in enumerate(metrics)}
    protocols: list[dict[str, Any]] = []
    shards: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    lines = []
    for record in records:
        cell_id, question = check_key(record["cell_id"], "cell_id"), record["question"]
        protocol = {name: value for name, value in question.items() if name not in SHARED}
        if protocol not in protocols:
            protocols.append(protocol)
        axes = components.numbers(question)
        place = [question[name] for name in ("size", "seed", "group", "replica")]
        lines.append([cell_id, *axes, *place, record["status"], *_headline(record, effect)])
        shards[cell_id[:SHARD_LETTERS]][cell_id] = {
            "axes": axes,
            "place": place,
            "protocol": protocols.index(protocol),
            "status": record["status"],
            "stage": record["stage"],
            "reason": record["reason"],
            "machine": record.get("machine", {}),
            "build": record.get("build_id", ""),
            "metrics": [[numbers[name], shortened(value)] for name, value in sorted(record["metrics"].items())],
            "cost": {stage: _numbers(cost) for stage, cost in record["cost"].items()},
            "command": command(question, suite, components.references(axes)),
            "log": _log_tail(record, store),
            "poison": poison.get(record.get("artifacts", {}).get("profiles") or ""),
            "explained": explained.get(cell_id),
            "seen": seen.get(cell_id, []),
        }
    return Cells(lines, shards, protocols, metrics)


def command(question: Mapping[str, Any], suite: Suite, references: Sequence[str]) -> str:
    """The command that computes the cell, the clean runs that it is compared with, and as little else as can be.

    Split seeds count from 0, so those before the cell's are computed with it.
    """
    words = ["recbench", "run", suite.name]
    for axis, reference in zip(("dataset", "recommender", "attacker", "defense"), references, strict=True):
        words += [f"--{axis}", reference]
    if question["size"]:
        words += ["--size", f"{question['size']!r}"]
    return " ".join([*words, "--seeds", str(question["seed"] + 1), "--out", "runs/one-cell"])


def _headline(record: Record, effect: Effect) -> list[Any]:
    """Effect, utility and seconds; None for what a cell has not."""
    gain, utility = record["metrics"].get(effect.metric), record["metrics"].get(UTILITY)
    seconds = [cost["cpu_seconds"] for cost in record["cost"].values() if "cpu_seconds" in cost]
    return [
        None if gain is None else shortened(effect.sign * gain),
        None if utility is None else shortened(utility),
        shortened(sum(seconds)) if seconds else None,
    ]


def _numbers(cost: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shortened(value) for name, value in cost.items() if isinstance(value, int | float)}


def _log_tail(record: Record, store: Store | None) -> str:
    """The end of the log of a cell that failed; nothing where there is none."""
    if store is None or not record.get("log"):
        return ""
    path = (store.root / record["log"]).resolve()
    if not path.is_relative_to(store.root.resolve()):
        return ""  # a record from elsewhere may name any file
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - LOG_BYTES, 0))
            return str(file.read(), errors="replace")
    except OSError:
        return ""
