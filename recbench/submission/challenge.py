"""`challenge`: profiles alone, made by anybody in any way, against the defenses of a suite.

The suite says which data set, split, targets and budget the profiles are for. They are read as the arrays of a bundle
are, held against the budget, written anew and only then handed to the victims; how they were made is nobody's business.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recbench.component import component_name
from recbench.contracts import BudgetViolation, Profiles
from recbench.errors import SuiteError
from recbench.matrix.cells import cells_of
from recbench.matrix.choices import Axes, Resolver
from recbench.matrix.prepared import Prepared
from recbench.matrix.suite import Suite
from recbench.plugins import Plugins
from recbench.running import computed, planned
from recbench.submission.archive import Archive
from recbench.submission.arrays import ARRAYS, from_npy
from recbench.submission.possible import budget_of
from recbench.submission.recompute import prepared_artifact
from recbench.submission.refusal import refused

ENTRIES = ("indptr", "items", "ratings")
MAX_PROFILES = 256 << 20
"""Bytes of one array."""
AGAIN = "craft the profiles for this suite's data set, split seed 0, target group 0 and size"


def read_profiles(path: Path) -> Profiles:
    """The profiles of a file as `Profiles.save` writes it, on the assumption that it is hostile.

    Raises:
        SubmissionError: another kind of file, entries that are missing or unknown, arrays that are none.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    with Archive(path, path.name) as archive:
        for file in archive.names:
            if file not in {f"{name}.npy" for name in ENTRIES}:
                raise refused(path.name, f"it holds something else than {', '.join(ENTRIES)}", "use Profiles.save")
        for name in ENTRIES:
            file, rule = f"{name}.npy", ARRAYS["profiles"][name]
            if not rule.optional or file in archive.names:
                arrays[name] = from_npy(archive.read(file, MAX_PROFILES), rule, file)
    return Profiles(arrays["indptr"], arrays["items"], arrays.get("ratings"))  # type: ignore[arg-type]


def challenge(path: Path, suite: Suite, plugins: Plugins, out: Path, jobs: int | None, name: str = "") -> str:
    """Run profiles as the only attacker of a suite, beside its controls, on its victims and its defenses.

    Args:
        path: a file as `Profiles.save` writes it.
        suite: of one data set, one split seed, one target group and one attack size, which the profiles are for.
        plugins: what is installed.
        out: the folder of the run.
        jobs: stages at once.
        name: how the attacker is listed; by default the file's.

    Returns:
        The tables.

    Raises:
        SubmissionError: a file that holds no profiles, or profiles over the budget.
        SuiteError: a suite of several units, or one that cannot be planned.
        StoreError: the folder cannot be written to.
    """
    profiles = read_profiles(path)
    _check_budget(profiles, suite, plugins, path.name)
    attacker = out / f"{component_name(name or path.stem)}.npz"
    out.mkdir(parents=True, exist_ok=True)
    profiles.save(attacker)
    attackers = [*suite.controls, str(attacker.resolve())]
    asked = suite.model_copy(update={"attackers": tuple(attackers), "mandatory": (attacker.stem,)})
    plan, store = planned(asked, out, plugins, device="cpu", threads=1)
    _, tables = computed(plan, store, jobs, "missing")
    return tables


def _check_budget(profiles: Profiles, suite: Suite, plugins: Plugins, file: str) -> None:
    datasets = Resolver(plugins).choices("dataset", suite.datasets)
    units = {"data set": len(datasets), "split seed": suite.seeds, "target group": suite.threat.targets.groups}
    for what, count in (units | {"attack size": len(suite.threat.sizes)}).items():
        if count != 1:
            raise SuiteError(
                f"suite {suite.name} has {count} {what}s; profiles are for exactly one, so a challenge has"
            )
    recommenders = Resolver(plugins).choices("recommender", suite.recommenders)
    cell = cells_of(suite, Axes(datasets, recommenders, [], [], []))[0]
    prepared = Prepared.of(prepared_artifact(cell, cell.dataset))
    budget, _ = budget_of(prepared, cell.question | {"size": suite.threat.sizes[0]})
    try:
        if not len(profiles):
            raise BudgetViolation("it holds no profile")
        profiles.check(budget)
    except BudgetViolation as error:
        raise refused(file, str(error), AGAIN) from error
