"""`run`: a suite from Python. What it shares with the command line is here too: planning into a folder, computing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from recbench.errors import SuiteError, suggestion
from recbench.leaderboard import write_tables
from recbench.leaderboard.timed import reports_of
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import COMPUTED, PLAN, Plan, Rerun
from recbench.matrix.progress import Progress
from recbench.matrix.run import Start, Summary, on_this_machine, run_plan
from recbench.matrix.suite import Suite, load_suite
from recbench.plugins import Plugins, load_plugins
from recbench.results import Results
from recbench.store import Store


def run(
    suite: str | Path | Suite,
    out: str | Path | None = None,
    jobs: int | None = None,
    *,
    datasets: Sequence[str] = (),
    recommenders: Sequence[str] = (),
    attackers: Sequence[str] = (),
    defenses: Sequence[str] = (),
    seeds: int | None = None,
    sizes: Sequence[float] = (),
    rerun: str = "missing",
    device: str = "cpu",
    threads: int = 1,
) -> Results:
    """Run a suite, or what is missing of it, and write its tables: `recbench run` from Python.

    A failure is a cell of the results, not an exception. An interrupted run goes on where it stopped
    when it is called again.

    Args:
        suite: its name, the path of its .toml file, or the suite itself.
        out: folder of the run; by default `runs/SUITE`.
        jobs: stages at once; by default one a core.
        datasets, recommenders, attackers, defenses, seeds, sizes: in place of the suite's, as on the
            command line: names, globs, `NAME[dim=64]`, files.
        rerun: what to compute again: `never`, `missing`, `failed`, `stale` or `all`.
        device: a torch device.
        threads: of each stage.

    Raises:
        RecbenchError: a suite, a name, a parameter or a folder that is wrong; nothing has run then.
    """
    asked = suite if isinstance(suite, Suite) else load_suite(str(suite))
    asked = asked.override(datasets, recommenders, attackers, defenses, seeds, sizes)
    wanted = rerun_named(rerun)
    plugins = load_plugins()
    for complaint in plugins.complaints():
        warnings.warn(complaint, stacklevel=2)
    plan, store = planned(asked, None if out is None else Path(out), plugins, device, threads)
    computed(plan, store, jobs, wanted)
    return Results.read(store.root)


def planned(suite: Suite, out: Path | None, plugins: Plugins, device: str, threads: int) -> tuple[Plan, Store]:
    """Plan a suite for a folder, by default `runs/SUITE`; writes nothing.

    Raises:
        RecbenchError: what the suite asks for cannot be had, or the folder or the device cannot be used.
    """
    folder = out or Path("runs") / suite.name
    check_folder(folder)
    check_device(device)
    store = Store(folder)
    return Plan.of(suite, plugins, Circumstances(device, threads), store.read_document(PLAN) or {}), store


def computed(
    plan: Plan,
    store: Store,
    jobs: int | None,
    rerun: Rerun,
    display: Progress | None = None,
    start: Start = on_this_machine,
) -> tuple[Summary, str]:
    """Compute a plan and write its tables; returns what became of it, and the tables as text.

    The display is told what happens; by default it is one for people.

    Raises:
        SuiteError: the folder cannot be made, or fewer than 1 job.
    """
    if jobs is not None and jobs < 1:
        raise SuiteError(f"jobs is {jobs}; at least 1 stage must run at once")
    try:
        store.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"the run's folder {store.root} cannot be made: {error.strerror}; name another") from error
    summary = run_plan(plan, store, jobs or _cores(), rerun, display, start)
    reports = reports_of(store.root)
    return summary, write_tables(summary.records, plan.suite, store.root / "tables", reports, summary.absent)


def rerun_named(word: str) -> Rerun:
    """The choice of that name.

    Raises:
        SuiteError: there is none.
    """
    for choice in COMPUTED:
        if choice == word:
            return choice
    raise SuiteError(f"rerun {word}: no such choice{suggestion(word, COMPUTED)}")


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_folder(folder: Path) -> None:
    """Refuse a place where no folder can be.

    Raises:
        SuiteError: it, or what it would lie in, is a file.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise SuiteError(f"the run cannot be kept in {folder}: {there} is a file; name a folder")


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        SuiteError: it is not.
    """
    if device == "cpu":
        return  # torch takes seconds to import
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SuiteError(f"device {device}: {reason}; 'cpu' is always there") from error
