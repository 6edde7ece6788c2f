"""A small suite of planted components on a user's own data, and an executor that needs no processes."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

from recbench.execution import Task, TaskResult
from recbench.execution.worker import classify, one_line
from recbench.store import Store

PLANTED = Path(__file__).parent / "matrix" / "planted_components.py"


class InThisProcess:
    """Stands in for `LocalExecutor` where the test is not about processes: theirs take seconds to start."""

    def __init__(self, store: Store, jobs: int, preload: Sequence[str]) -> None:
        self._store = store
        self._tasks: list[Task] = []
        self.closed = False

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def next(self, timeout: float | None = None) -> TaskResult:
        task = self._tasks.pop(0)
        module, _, name = task.function.partition(":")
        inputs = {name: self._store.get(key) for name, key in task.inputs.items()}
        try:
            self._store.put(task.key, getattr(importlib.import_module(module), name)(task.arguments, inputs))
        except Exception as error:
            return TaskResult(task, classify(error), one_line(error), 0.0, 0.0, 0, "")
        return TaskResult(task, "ok", "", 0.0, 0.0, 0, "")

    def close(self) -> None:
        self.closed = True


def suite(recommenders: list[str], attackers: list[str], defenses: list[str], more: str = "") -> str:
    text = {
        "name": "mine",
        "version": "1",
        "datasets": ["shop.csv"],
        "recommenders": [f"{PLANTED}:{name}" for name in recommenders],
        "attackers": [f"{PLANTED}:{name}" for name in attackers],
        "defenses": [f"{PLANTED}:{name}" for name in defenses],
    }
    Path("mine.toml").write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in text.items()) + "\n" + more)
    return "./mine.toml"


def open_shop(folder: Path) -> None:
    """Put a small data set of a user's own into the folder."""
    rows = [f"{user},{item}" for user in range(40) for item in range(60) if (user * item + user) % 3]
    (folder / "shop.csv").write_text("\n".join(["user_id,item_id", *rows]))
