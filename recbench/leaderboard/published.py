"""Published tables as cells again: what `write_tables` wrote is enough to make every board and figure anew."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recbench.errors import DataError
from recbench.leaderboard.cells import ABOUT, MEASURED, records_of
from recbench.leaderboard.render import ABSENT
from recbench.leaderboard.write import CELLS, SUITE
from recbench.matrix.suite import Suite

FRACTIONS = ("size", "positive_from", "targets.fraction", "examples.size")
COUNTS = ("seed", "group", "replica", "targets.count", "kcore.users", "kcore.items")
"""The columns of a question that are numbers."""
COMPONENTS = tuple(f"{axis}.{part}" for axis in ("recommender", "attacker", "defense") for part in ("name", "version"))
NEEDED = {*ABOUT, *COMPONENTS, "dataset", "data.version", "size", "seed", "group", "replica"}
"""Without these columns a table is none of cells."""


def read_published(folder: Path) -> tuple[Suite, list[dict[str, Any]]]:
    """The suite and the records of a folder of tables.

    Raises:
        DataError: no such folder, or one that this version does not read.
    """
    suite = read_suite(folder)
    try:
        return suite, records_of(read_rows(folder / CELLS))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder / CELLS) from error


def read_suite(folder: Path) -> Suite:
    """The suite of a folder of tables.

    Raises:
        DataError: no such folder, or a suite that this version does not read.
    """
    try:
        return Suite.model_validate_json((folder / SUITE).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{folder} holds neither a run nor tables with {SUITE} and {CELLS}") from error
    except (OSError, ValidationError) as error:
        raise _unreadable(folder / SUITE) from error


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a table of cells, `cells.parquet` or `cells.csv`; what a cell does not have is None.

    Raises:
        DataError: no such file, or none of these.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                rows = [_parsed(row) for row in csv.DictReader(file)]
        else:
            rows = pq.read_table(path).to_pylist()
        if not rows or not rows[0].keys() >= NEEDED:
            raise ValueError("columns are missing")
        for row in rows:
            for name in ("data", "recommender", "attacker", "defense"):
                json.loads(row[f"{name}.params"])
    except FileNotFoundError as error:
        raise DataError(f"there is no {path}") from error
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise _unreadable(path) from error
    return rows


def _parsed(row: Mapping[str, str]) -> dict[str, Any]:
    """A line of a CSV file with its numbers."""

    def value(name: str, text: str) -> Any:
        if text == ABSENT:
            return None
        if name in COUNTS:
            return int(text)
        return float(text) if name in FRACTIONS or name.startswith(MEASURED) else text

    return {name: value(name, text) for name, text in row.items()}


def _unreadable(path: Path) -> DataError:
    return DataError(f"{path} is of no table that this recbench reads; make it with 'recbench board'")
