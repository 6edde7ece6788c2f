"""`audit`: what an attacker can do to one's own recommender on one's own data, and which defense helps."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recbench.adapters import Command, hand_over
from recbench.component import Component
from recbench.data.readers import read_interactions
from recbench.errors import DataError, RecbenchError, SuiteError
from recbench.leaderboard.labels import key_of
from recbench.matrix.cells import Cell
from recbench.matrix.choices import OWN_DATA
from recbench.matrix.craft import fakes_of
from recbench.matrix.plan import Plan, Rerun
from recbench.matrix.prepared import Prepared
from recbench.matrix.progress import Progress
from recbench.matrix.suite import Reference, Suite, load_suite
from recbench.plugins import Plugins, load_plugins
from recbench.report import Explanation, Report
from recbench.results import Results
from recbench.running import check_folder, computed, planned, rerun_named
from recbench.store import Store

SUITE = "audit"
"""The suite whose attacks, defenses and threat model an audit takes."""


def audit(
    model: object,
    data: str | Path,
    out: str | Path | None = None,
    jobs: int | None = None,
    *,
    size: float | None = None,
    attackers: Sequence[str] = (),
    defenses: Sequence[str] = (),
    seeds: int | None = None,
    device: str = "cpu",
    threads: int = 1,
    rerun: str = "stale",
) -> Report:
    """Attack a recommender, try defenses, and say what came of it: `recbench audit` from Python.

    An interrupted audit goes on where it stopped when it is called again.

    Args:
        model: an object with `fit` and `score` or `recommend` (see `recbench.adapters`), a `Command`, or the
            name of a recommender as a suite gives it: `"bpr-mf[dim=64]"`, `"./mine.py:MyModel"`.
        data: a file or folder of interactions, or the name of a data set.
        out: folder of the run; by default `runs/audit-MODEL-DATA`.
        jobs: stages at once; by default one a core.
        size: fake users as a share of the genuine ones; by default the suite's, 1%.
        attackers, defenses, seeds: in place of the suite's.
        device: a torch device.
        threads: of each stage.
        rerun: what of an earlier audit in the folder to compute again: by default what other code, another device or
            another number of threads had computed; `all` where what the recommender calls has changed unseen.

    Raises:
        RecbenchError: a model, data, a name or a folder that is wrong; nothing has run then. What fails
            while it runs is in the report.
    """
    plugins = load_plugins()
    for complaint in plugins.complaints():
        warnings.warn(complaint, stacklevel=2)
    suite = audit_suite(str(data), size, attackers, defenses, seeds)
    wanted = rerun_named(rerun)
    return audited(model, suite, plugins, None if out is None else Path(out), jobs, device, threads, wanted)


def audit_suite(
    data: str, size: float | None, attackers: Sequence[str], defenses: Sequence[str], seeds: int | None
) -> Suite:
    """The suite of an audit of `data`. Chosen attacks, but for controls, are all that a worst case is taken over.

    Raises:
        SuiteError: a number that a suite cannot hold.
    """
    sizes = () if size is None else (size,)
    suite = load_suite(SUITE).override([data], (), attackers, defenses, seeds, sizes)
    return suite.model_copy(update={"mandatory": ()}) if attackers else suite


def audited(
    model: object,
    suite: Suite,
    plugins: Plugins,
    out: Path | None,
    jobs: int | None,
    device: str,
    threads: int,
    rerun: Rerun = "stale",
    display: Progress | None = None,
) -> Report:
    """`audit`, of a suite for its one data set, with plugins that are loaded.

    Raises:
        RecbenchError: see `audit`.
    """
    folder = out or Path("runs") / f"audit-{_word(_called(model))}-{_word(Path(str(suite.datasets[0])).stem)}"
    check_folder(folder)
    reference: Reference
    if isinstance(model, str):
        reference = model
    else:
        component, params = Command.component(model.command) if isinstance(model, Command) else hand_over(model, folder)
        component, plugins = _offered(component, plugins)
        reference = {"name": component.name, **params}
    plan, store = planned(suite.model_copy(update={"recommenders": (reference,)}), folder, plugins, device, threads)
    for axis, choices in (("recommender", plan.axes.recommenders), ("data set", plan.axes.datasets)):
        if len(choices) != 1:
            names = ", ".join(choice.name for choice in choices)
            raise SuiteError(f"an audit is of one {axis}, not of {len(choices)} ({names}); name one")
    if other := [choice.name for choice in plan.axes.attackers if choice.component.provides.isdisjoint({"poisoning"})]:
        raise SuiteError(f"an audit is of fake users, not of {', '.join(other)}; use 'recbench run' for that")
    computed(plan, store, jobs, rerun, display)
    return reported(plan, store)


def reported(plan: Plan, store: Store) -> Report:
    """The report on an audit that is computed; explains its worst attack.

    Raises:
        RecbenchError: the data could not be prepared, so that there is nothing to report, or is damaged.
    """
    results = Results.read(store.root)
    prepared = next(
        (cell["artifacts"]["prepared"] for cell in results.cells if cell.get("artifacts", {}).get("prepared")), None
    )
    if prepared is None:
        reasons = {cell["reason"] for cell in results.cells if cell["status"] not in ("missing", "skipped")}
        raise RecbenchError(f"nothing of the audit could be computed: {'; '.join(sorted(reasons))}")
    try:
        train = Prepared.of(store.get(prepared))
    except ValueError as error:
        check = f"'recbench store check {store.root}' tells what is"
        raise DataError(f"artifact '{prepared}', the prepared data, is damaged; {check}") from error
    report = Report(
        results=results,
        recommender=plan.axes.recommenders[0].name,
        dataset=plan.axes.datasets[0].name,
        n_users=train.train.n_users,
        n_items=train.train.n_items,
        fakes=fakes_of(plan.suite.threat.sizes[0], train.train.n_users),
        explanation=None,
        unexplained="",
        names=_item_names(plan, train),
    )
    cell = _worst_cell(plan, report)
    if cell is None:
        return report
    try:
        return replace(report, explanation=Explanation.of(cell, plan, store, results))
    except RecbenchError as error:
        return replace(report, unexplained=str(error))


def _worst_cell(plan: Plan, report: Report) -> Cell | None:
    """The first unit of the worst attack on the undefended recommender."""
    if report.worst is None:
        return None
    labels = report.results.labels["attacker"]
    return next(
        cell
        for cell in plan.runnable
        if cell.attacker is not None
        and cell.defense is None
        and labels[key_of(cell.attacker.identity)] == report.worst.attacker
    )


def _item_names(plan: Plan, prepared: Prepared) -> tuple[str, ...]:
    """The title of each item that has one, else its id in the user's own file, else its number."""
    dataset = plan.axes.datasets[0]
    names = tuple(f"item {number}" for number in range(prepared.train.n_items))
    if dataset.component.factory == OWN_DATA and plan.suite.kcore is None:
        names = tuple(map(str, read_interactions(Path(dataset.params["path"])).item_ids.tolist()))
    return tuple(title or name for title, name in zip(prepared.catalog.titles or names, names, strict=True))


def _offered(component: Component, plugins: Plugins) -> tuple[Component, Plugins]:
    """The component under a name that no installed one has, and the plugins with it among them."""
    if component.name in {installed.name for installed in plugins.components("recommender")}:
        component = replace(component, name=f"own-{component.name}")
    return component, plugins.beside(component)


def _called(model: object) -> str:
    if isinstance(model, str):
        return model.rpartition(":")[2]
    return "command" if isinstance(model, Command) else type(model).__name__


def _word(text: str) -> str:
    """A part of a folder's name."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:40] or "own"
