"""Checks in workers: each in a process of its own with a deadline, so that none brings the others down.

They share what several of them look at, such as the profiles of a planted task, through files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recbench.component import Component
from recbench.conformance.check import MODULES, Outcome, Subject, checks_of, perform
from recbench.conformance.shared import sharing
from recbench.conformance.watch import watching
from recbench.execution import Limits, LocalExecutor, Task
from recbench.matrix.preload import preloaded
from recbench.store import Artifact, Store

SECONDS = 300.0
"""How long one check may take."""


def outcomes(subject: Subject, jobs: int, seconds: float = SECONDS) -> Iterator[Outcome]:
    """Try every check of the subject; outcomes come as they are done."""
    with tempfile.TemporaryDirectory() as folder:
        preload = (*preloaded([subject.component]), *(f"recbench.conformance.{module}" for module in MODULES))
        store = Store(Path(folder))
        about = {
            "component": _plain(subject.component),
            "params": dict(subject.params),
            "shared": str(store.root.absolute() / "shared"),
        }
        with LocalExecutor(store, jobs, preload) as executor:
            # Only now, for it imports torch: so do the workers meanwhile.
            checks = sorted(checks_of(subject.component.kind), key=lambda each: not each.long)
            claimed = {f"check-{k}": each for k, each in enumerate(checks)}
            for key, each in claimed.items():
                function, arguments = f"{__name__}:{work.__name__}", {**about, "check": each.name}
                executor.submit(Task(key, function, arguments, limits=Limits(seconds=seconds), label=each.name))
            while (result := executor.next()) is not None:
                each = claimed[result.task.key]
                if result.status == "ok":
                    said = store.meta(result.task.key)
                    yield Outcome(each, said["status"], said["reason"])
                else:
                    yield Outcome(each, "failed", f"{result.status}: {result.reason}")


def _plain(component: Component) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(component).items()}


def work(arguments: dict[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """The task of one check: nothing in it reaches the network, save that a data set may be fetched."""
    subject = Subject(Component(**arguments["component"]), arguments["params"])
    (wanted,) = [each for each in checks_of(subject.component.kind) if each.name == arguments["check"]]
    alone = nullcontext() if subject.component.kind == "dataset" else watching()
    with alone, sharing(Path(arguments["shared"])):
        outcome = perform(wanted, subject)
    return Artifact(meta={"status": outcome.status, "reason": outcome.reason})
