"""The cells behind the boards as one flat table, in CSV and in Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from recbench.leaderboard.render import as_csv

ABOUT = ("cell_id", "build_id", "status", "stage", "reason")
"""The first columns. Those of the question follow, under its own names; then `cost.` and `metrics.`."""
JSON = ("params", "shares", "attackers")
"""The leaves of a question that are not single values."""
MEASURED = ("cost.", "metrics.")
"""How the columns of numbers begin."""
SOME = "examples."
"""How the columns begin of what only some cells ask."""
BESIDE = (*MEASURED, "machine.", "knowledge", "repeats")
"""How the columns begin that are no part of the question."""

Record = Mapping[str, Any]


def cell_columns(records: Sequence[Record]) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns of the table, and a row for each record; what a cell does not have is no key of its row."""
    rows = [
        {name: record[name] for name in ABOUT}
        | dict(_flat("", record["question"]))
        | dict(_flat("", {name: record[name] for name in ("knowledge", "machine") if name in record}))
        | ({"repeats": record["repeats"]} if record.get("repeats") else {})
        | dict(_flat("metrics.", record["metrics"]))
        | dict(_flat("cost.", record["cost"]))
        for record in records
    ]
    found = {name for row in rows for name in row} - set(ABOUT)
    return [*ABOUT, *sorted(found, key=lambda name: (name.startswith(MEASURED), name))], rows


def cells_csv(records: Sequence[Record]) -> str:
    """The table as CSV: all digits, `n/a` for what is absent, no formula."""
    return as_csv(*cell_columns(records))


def cells_parquet(records: Sequence[Record]) -> bytes:
    """The table as Parquet: every column of one type, repeated words stored once, null for what is absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns, rows = cell_columns(records)
    arrays = [_column([row.get(name) for row in rows], name.startswith(MEASURED)) for name in columns]
    words = [name for name, array in zip(columns, arrays, strict=True) if pa.types.is_dictionary(array.type)]
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, columns), buffer, compression="zstd", use_dictionary=words)
    return buffer.getvalue()


def records_of(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The records behind the rows of a table that `cells_parquet` wrote, as far as boards are made of them."""
    records = []
    for row in rows:
        record: dict[str, Any] = {name: row[name] for name in ABOUT} | {"question": {}, "metrics": {}, "cost": {}}
        for name, value in row.items():
            part, _, rest = name.partition(".")
            if part == "metrics" and value is not None:
                record["metrics"][rest] = value
            elif part in ("cost", "machine") and value is not None:
                _plant(record, name.split("."), value)
            elif name == "knowledge" and value is not None:
                record[name] = json.loads(value)
            elif name == "repeats" and value is not None:
                record[name] = value
            elif name not in ABOUT and not name.startswith(BESIDE) and not (name.startswith(SOME) and value is None):
                _plant(record["question"], name.split("."), value)
        records.append(record)
    return records


def _plant(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a leaf where its dotted name says."""
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = json.loads(value) if path[-1] in JSON and value is not None else value


def _column(values: list[Any], measured: bool) -> Any:
    """An Arrow array; Arrow finds the type where a question's values are of one, and refuses none where not."""
    import pyarrow as pa

    present = [value for value in values if value is not None]
    if measured:
        return pa.array(values, pa.float64())
    if any(isinstance(value, str) for value in present):
        return pa.array([None if value is None else str(value) for value in values], pa.string()).dictionary_encode()
    if any(isinstance(value, float) for value in present):
        return pa.array(values, pa.float64())
    return pa.array(values, pa.int64())


def _flat(prefix: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings under dotted names; parameters and lists are leaves, as JSON."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and name != "params":
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield prefix + name, json.dumps(value, sort_keys=True) if isinstance(value, Mapping | list) else value
