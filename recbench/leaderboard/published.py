"""Published tables as cells again: what `write_tables` wrote is enough to make every board and figure anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recbench.errors import DataError
from recbench.leaderboard.cells import records_of
from recbench.leaderboard.write import CELLS, SUITE
from recbench.matrix.suite import Suite


def read_published(folder: Path) -> tuple[Suite, list[dict[str, Any]]]:
    """The suite and the records of a folder of tables.

    Raises:
        DataError: no such folder, or one that this version does not read.
    """
    import pyarrow.parquet as pq
    from pyarrow import ArrowInvalid

    try:
        suite = Suite.model_validate_json((folder / SUITE).read_bytes())
        return suite, records_of(pq.read_table(folder / CELLS).to_pylist())
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds neither a run nor tables with {SUITE} and {CELLS}") from error
    except (OSError, ValueError, ValidationError, ArrowInvalid, KeyError) as error:
        raise DataError(
            f"{folder} holds no tables of this version of recbench; make them with 'recbench board'"
        ) from error
