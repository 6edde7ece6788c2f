"""What a search found, as a suite that can be run, and every trial as a line beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import optuna
import tomli_w

from recbench.errors import SuiteError
from recbench.matrix.suite import Suite
from recbench.store.files import write_file
from recbench.tuning.search import Search
from recbench.tuning.space import in_words

SUFFIX = "-tuned"


def trials_beside(out: Path) -> Path:
    """Where the trials of the suite at `out` are written."""
    return out.with_suffix(".trials.jsonl")


def check_free(out: Path) -> None:
    """Refuse to write over anything, before hours are spent.

    Raises:
        SuiteError: the file, or that of its trials, exists, or has no folder to be in, or is no .toml file.
    """
    if out.suffix != ".toml":
        raise SuiteError(f"{out} is no .toml file; a suite is read from one")
    if not out.absolute().parent.is_dir():
        raise SuiteError(f"{out} cannot be written: there is no folder {out.absolute().parent}")
    for path in (out, trials_beside(out)):
        if path.exists():
            raise SuiteError(f"{path} exists; name another file with --out, or move it away")


def write(suite: Suite, searches: Sequence[Search], trials: int, seed: int, out: Path) -> None:
    """Write the suite with the best values of every search that found any, and all trials beside it.

    Args:
        suite: of one data set, as it was searched.
        searches: what was found.
        trials: of each.
        seed: the split seed.
        out: the .toml file.
    """
    found = [(each, each.best) for each in searches]
    references = tuple(each.space.reference(best.values) for each, best in found if best is not None)
    tuned = suite.model_copy(update={"name": suite.name[: 64 - len(SUFFIX)] + SUFFIX, "recommenders": references})
    head = [
        f"The suite {suite.name} with recommenders whose values `recbench tune` chose, on validation alone: split seed",
        f"{seed} of {suite.datasets[0]}, {trials} trials each, defaults first, by TPE of Optuna {optuna.__version__}.",
        f"Every trial is in {trials_beside(out).name}. Other split seeds test on what this one validated on in part.",
        *(line for each in searches for line in _said(each)),
    ]
    content = tuned.model_dump(mode="json", exclude_none=True)
    text = "".join(f"# {line}".rstrip() + "\n" for line in head) + "\n" + tomli_w.dumps(content)
    lines = (json.dumps(record, ensure_ascii=False) for each in searches for record in _records(each))
    write_file(trials_beside(out), "".join(f"{line}\n" for line in lines).encode())
    write_file(out, text.encode())


def _said(search: Search) -> Iterable[str]:
    """What was searched and found for one recommender."""
    space, best = search.space, search.best
    yield ""
    if best is None:
        yield f"{space.name}: every trial failed."
    else:
        yield f"{space.name}: {search.measure} {shown(best.quality)}, defaults {shown(search.tried[0].quality)}."
    for name, distribution in space.searched.items():
        yield f"  {name}: {in_words(distribution)}"
    for name, reason in sorted(space.kept.items()):
        yield f"  {name} is kept: {reason}"


def _records(search: Search) -> Iterable[dict[str, Any]]:
    for number, each in enumerate(search.tried):
        yield {
            "recommender": search.space.name,
            "trial": number,
            "params": {**search.space.fixed, **each.values},
            "measure": search.measure,
            "value": None if each.quality is None else abs(each.quality),
            "reason": each.reason,
            "cpu_seconds": round(each.cpu_seconds, 3),
        }


def shown(quality: float | None) -> str:
    """A quality as its measure is read: an error is positive again."""
    return "failed" if quality is None else f"{abs(quality):.4f}"
