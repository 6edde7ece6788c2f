"""What a run's folder holds beyond what is needed, and lacks of what is: behind `recbench store`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from recbench.adapters import Command, handed_over
from recbench.errors import DataError
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan, stored
from recbench.matrix.run import ENVIRONMENT
from recbench.matrix.suite import Suite
from recbench.plugins import Plugins
from recbench.results import Results
from recbench.store import Store
from recbench.store.lock import hold

ZYGOTE_LOG = "zygote.log"
"""The one log that belongs to no artifact."""


def missing(store: Store) -> list[str]:
    """One line for each artifact or log that a record names and that is not there."""
    problems = []
    for record in store.records():
        cell = f"cell '{record['cell_id']}'"
        remedy = f"remove {store.root / 'cells' / record['cell_id']}.json and run again"
        for name, key in record["artifacts"].items():
            if key is not None and not store.has(key):
                problems.append(f"artifact '{key}', the {name} of {cell}; {remedy}")
        if record["log"] and not (store.root / record["log"]).is_file():
            problems.append(f"{record['log']}, of {cell}; {remedy}")
    return problems


def orphans(store: Store, plugins: Plugins) -> list[str]:
    """The keys of the artifacts that no record refers to and that the run's plan has no use for.

    The plan is made anew from what is installed: what a run of it would find in the store and use is
    no orphan, whether or not the run has come to the cells that it leads to. What only earlier plans in
    the same folder had use for, and no record names, is an orphan.

    Raises:
        RecbenchError: the plan cannot be made: no run is there, or a plugin or a file that it needs is gone.
    """
    results = Results.read(store.root)
    surroundings = store.read_document(ENVIRONMENT)
    if surroundings is None:
        raise DataError(f"{store.root} holds no readable {ENVIRONMENT}; run the suite again, which writes it")
    circumstances = Circumstances(surroundings["device"], surroundings["threads"])
    plan = Plan.of(results.suite, _with_audited(results.suite, plugins), circumstances, results.plan)
    needed = {key for record in store.records() for key in record["artifacts"].values()}
    needed |= set(stored([*plan.stages(), *plan.explanations()], store).values())
    return [key for key in store.artifact_keys() if key not in needed]


def _with_audited(suite: Suite, plugins: Plugins) -> Plugins:
    """With the command or the object that an audit stands for by a name that nothing installed has."""
    for reference in suite.recommenders:
        if isinstance(reference, Mapping):
            match {name: value for name, value in reference.items() if name != "name"}:
                case {"command": str(command), **others} if not others:
                    plugins = plugins.beside(Command.component(command)[0])
                case {"path": str(path), "digest": str(), **others} if not others:
                    plugins = plugins.beside(handed_over(str(reference["name"]), Path(path)))
    return plugins


def clear_up(store: Store, plugins: Plugins, *, dry_run: bool) -> tuple[list[Path], int]:
    """Remove orphans, what killed writers left half-written, and logs that lead nowhere.

    Args:
        store: the run's folder.
        plugins: what is installed.
        dry_run: remove nothing.

    Returns:
        What was or would be removed, and its size in bytes.

    Raises:
        RecbenchError: as `orphans`, or a run is computing in the folder; nothing has been removed then.
    """
    Results.read(store.root)  # a lock is no reason to make a folder
    with hold(store.root, alone=True):
        doomed = orphans(store, plugins)
        loose = [*store.leftovers(0), *_logs_without_use(store, set(doomed))]
        paths = [*(store.path(key) for key in doomed), *loose]
        freed = sum(path.stat().st_size for path in paths)
        if not dry_run:
            for key in doomed:
                store.remove(key)
            for path in loose:
                path.unlink()
    return paths, freed


def _logs_without_use(store: Store, doomed: set[str]) -> Iterator[Path]:
    """Logs of what is not kept, but for those that a record of a failure names."""
    named = {record["log"] for record in store.records()}
    kept = set(store.artifact_keys()) - doomed
    for path in sorted(store.root.glob("logs/*.log")):
        if path.name != ZYGOTE_LOG and path.stem not in kept and f"logs/{path.name}" not in named:
            yield path
