"""`Results`: what a run has found, one row a cell, to look at, filter and export."""

from __future__ import annotations

import fnmatch
import html
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from recbench.errors import DataError, suggestion
from recbench.execution.task import Status
from recbench.leaderboard.labels import key_of, labels
from recbench.leaderboard.render import as_csv
from recbench.matrix.plan import PLAN
from recbench.matrix.suite import Suite
from recbench.store import Store
from recbench.store.files import write_file

if TYPE_CHECKING:
    import pandas as pd

AXES = ("dataset", "recommender", "attacker", "defense")
MISSING = "missing"
"""The status of a cell that the plan has and nothing has computed yet."""
STATUSES = (*get_args(Status), MISSING)
ABOUT = (
    "cell_id",
    *(column for axis in AXES for column in (axis, f"{axis}_params")),
    *("size", "seed", "group", "replica", "status", "reason", "stage", "log", "stale", "seconds"),
)
"""The columns that are no metrics."""
FORMATS = (".parquet", ".csv", ".jsonl")


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """The cells of a run, or some of them, as they were when they were read.

    Args:
        folder: of the run.
        plan: its `plan.json`.
        cells: the records, in the plan's order; a cell without one has the status `missing`.
        labels: what the components of an axis are called, by their `key_of`: a name, and the parameters
            that set it apart in this run.
    """

    folder: Path
    plan: Mapping[str, Any]
    cells: tuple[Mapping[str, Any], ...]
    labels: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, folder: str | Path) -> Results:
        """Read what is there by now; a run that is still going on may be read at any moment.

        Raises:
            DataError: no run of this version of recbench is there.
        """
        store = Store(Path(folder))
        plan = store.read_document(PLAN)
        if plan is None:
            raise DataError(f"{folder} holds no readable {PLAN}; name the folder that 'recbench run' wrote")
        try:
            cells = tuple(_cell(planned, store) for planned in plan["cells"])
            named = {axis: labels(_identity(cell, axis) for cell in cells) for axis in AXES}
        except (KeyError, TypeError) as error:
            raise _foreign(store.root) from error
        return cls(store.root, plan, cells, named)

    @cached_property
    def suite(self) -> Suite:
        """What was asked for.

        Raises:
            DataError: a suite that this version of recbench does not read.
        """
        try:
            return Suite.model_validate(self.plan["suite"])
        except (KeyError, ValidationError) as error:
            raise _foreign(self.folder) from error

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The records of the cells that have one."""
        return [dict(cell) for cell in self.cells if cell["status"] != MISSING]

    @cached_property
    def absent(self) -> list[Mapping[str, Any]]:
        """The cells that have no record yet."""
        return [cell for cell in self.cells if cell["status"] == MISSING]

    @cached_property
    def metrics(self) -> list[str]:
        """The names of all metrics that any cell has, sorted."""
        return sorted({name for cell in self.cells for name in cell["metrics"]})

    def filter(
        self,
        *,
        dataset: str | Iterable[str] = (),
        recommender: str | Iterable[str] = (),
        attacker: str | Iterable[str] = (),
        defense: str | Iterable[str] = (),
        status: str | Iterable[str] = (),
    ) -> Results:
        """The cells that match one pattern at least of every axis that has any.

        A pattern is a name, a glob (`item-*`), or a name with the parameters that set it apart
        (`bpr-mf[dim=64]`); the absence of an attack or of a defense is called `none`.

        Raises:
            DataError: a pattern that matches nothing in this run, or no status; it names the nearest.
        """
        kept = list(self.cells)
        given = dict(zip(AXES, (dataset, recommender, attacker, defense), strict=True))
        for axis, patterns in given.items():
            if wanted := _listed(patterns):
                names = {self._label(cell, axis): _identity(cell, axis)["name"] for cell in self.cells}
                chosen = _matching(axis, wanted, names)
                kept = [cell for cell in kept if self._label(cell, axis) in chosen]
        if wanted := _listed(status):
            states = _matching("status", wanted, {state: state for state in STATUSES})
            kept = [cell for cell in kept if cell["status"] in states]
        return replace(self, cells=tuple(kept))

    def metrics_matching(self, patterns: Iterable[str]) -> list[str]:
        """The metrics that match one of the names or globs, in the order of these.

        Raises:
            DataError: one that matches no metric of these cells; it names the nearest.
        """
        known = {name: name for name in self.metrics}
        found = (name for pattern in patterns for name in sorted(_matching("metric", [pattern], known)))
        return list(dict.fromkeys(found))

    def rows(self, metrics: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The cells as flat rows: the columns `ABOUT`, then the metrics (all of them by default).

        Parameters are JSON text, `seconds` is the wall time of the cell's own stages, shared ones
        included, and what a cell does not have is None.
        """
        wanted = self.metrics if metrics is None else metrics
        return [self._row(cell) | {name: cell["metrics"].get(name) for name in wanted} for cell in self.cells]

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame, one column a metric; a value that is undefined is NaN."""
        return _frame(self.rows(), self.metrics)

    def write(self, path: str | Path, metrics: Sequence[str] | None = None) -> None:
        """Write the rows to a file, whole or not at all; its suffix, one of `FORMATS`, says how.

        Raises:
            DataError: another suffix, or a place that cannot be written to.
        """
        path = Path(path)
        wanted = self.metrics if metrics is None else metrics
        rows = self.rows(wanted)
        if path.suffix == ".parquet":
            content: bytes = _frame(rows, wanted).to_parquet(index=False)
        elif path.suffix == ".csv":
            content = as_csv([*ABOUT, *wanted], rows).encode()
        elif path.suffix == ".jsonl":
            content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        else:
            raise DataError(f"{path}: cannot tell the format from '{path.suffix}'; one of {', '.join(FORMATS)}")
        try:
            write_file(path, content)
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror}; name another file") from error

    def __len__(self) -> int:
        """How many cells."""
        return len(self.cells)

    def __repr__(self) -> str:
        counts = Counter(cell["status"] for cell in self.cells)
        words = "".join(f", {count} {status}" for status, count in counts.most_common())
        return f"<Results of {self.folder}: {len(self)} cells{words}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{self.to_pandas().to_html(max_rows=20, index=False)}"

    def _label(self, cell: Mapping[str, Any], axis: str) -> str:
        return self.labels[axis][key_of(_identity(cell, axis))]

    def _row(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        question = cell["question"]
        seconds = [cost["wall_seconds"] for cost in cell["cost"].values()]
        row: dict[str, Any] = {"cell_id": cell["cell_id"]}
        for axis in AXES:
            row[axis] = self._label(cell, axis)
            row[f"{axis}_params"] = json.dumps(_identity(cell, axis)["params"], sort_keys=True)
        row |= {name: question[name] for name in ("size", "seed", "group", "replica")}
        row |= {name: cell[name] for name in ("status", "reason", "stage", "log", "stale")}
        return row | {"seconds": sum(seconds) if seconds else None}


def _cell(planned: Mapping[str, Any], store: Store) -> dict[str, Any]:
    record = store.read_record(planned["cell_id"])
    if record is not None:
        return record | {"stale": record["build_id"] != planned["build_id"]}
    absent = {"status": MISSING, "reason": "not computed yet", "stage": "", "log": "", "stale": False}
    return {name: planned[name] for name in ("cell_id", "build_id", "question")} | absent | {"metrics": {}, "cost": {}}


def _identity(cell: Mapping[str, Any], axis: str) -> dict[str, Any]:
    """Name, version and parameters of the cell's component on an axis."""
    question = cell["question"]
    return {"name": question["dataset"], **question["data"]} if axis == "dataset" else question[axis]


def _listed(patterns: str | Iterable[str]) -> list[str]:
    return [patterns] if isinstance(patterns, str) else list(patterns)


def _matching(what: str, patterns: Iterable[str], names: Mapping[str, str]) -> set[str]:
    """The labels, of labels with their names, that match one of the patterns; each of which must match."""
    found = set()
    for pattern in patterns:
        glob = pattern.replace("[", "[[]")  # brackets hold parameters, as in a suite, not a set of letters
        matched = {label for label, name in names.items() if fnmatch.filter((label, name), glob)}
        if not matched:
            known = {*names, *names.values()}
            hint = suggestion(pattern, known) if known else "; it has none yet"
            raise DataError(f"no {what} of this run is called '{pattern}'{hint}")
        found |= matched
    return found


def _frame(rows: list[dict[str, Any]], metrics: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    numbers = dict.fromkeys((*metrics, "size", "seconds"), float)
    return pd.DataFrame(rows, columns=[*ABOUT, *metrics]).astype(numbers)


def _foreign(folder: Path) -> DataError:
    return DataError(f"{folder / PLAN} holds no suite of this version of recbench; run the suite again")
