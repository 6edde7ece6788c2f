"""Isolated execution: every task in a process of its own, with a deadline and a memory limit."""

from recbench.execution.local import LocalExecutor
from recbench.execution.task import Limits, Status, Task, TaskResult

__all__ = ["Limits", "LocalExecutor", "Status", "Task", "TaskResult"]
