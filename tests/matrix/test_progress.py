"""What people are shown of a run."""

import io
import itertools

import pytest

from recbench.execution import Task, TaskResult
from recbench.matrix.progress import LiveProgress, PlainProgress, culprit, progress

PLAN = {"suite": "s", "version": "1", "folder": "runs/s", "cells": 5, "wanted": 4, "skipped": 1, "broken": 0}


def record(status: str = "ok", stage: str = "", defense: str = "none", verdict: str | None = None) -> dict:
    question = {
        "dataset": "shop",
        "recommender": {"name": "ease"},
        "attacker": {"name": "random"},
        "defense": {"name": defense},
    }
    return {"status": status, "stage": stage, "question": question, "artifacts": {"verdict": verdict}}


@pytest.fixture
def clock(monkeypatch) -> None:
    """Ten seconds pass between two looks at the clock."""
    times = itertools.count(0, 10)
    monkeypatch.setattr("recbench.matrix.progress.time.monotonic", lambda: float(next(times)))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("failed", "blamed"),
    [
        (record("error", "prepare"), "shop"),
        (record("invalid", "craft"), "random"),
        (record("crashed", "sanitize", "trim"), "trim"),
        (record("timeout", "fit"), "ease"),
        (record("timeout", "fit", "trim", verdict="key"), "ease"),
        (record("timeout", "fit", "adversarial"), "ease under adversarial"),
        (record("invalid", "evaluate"), "metrics"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failure_is_laid_to_the_component_whose_work_the_stage_is(failed, blamed):
    assert culprit(failed) == blamed


@pytest.mark.usefixtures("clock")
def test_lines_tell_cells_rate_time_left_failures_and_what_runs():
    stream = io.StringIO()
    with PlainProgress(stream) as display:
        display.begin(PLAN)
        first, second = (Task(key, "m:fit", label=f"fit {key}") for key in "ab")
        display.stage(first)
        display.stage(second)
        display.stage(TaskResult(first, "error", "no", 1.0, 1.0, 1, ""))
        display.cell(record("error", "fit"))
        display.cell(record("error", "craft"))
        display.cell(record("error", "fit"))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "0/4 cells; now: fit a"
    assert lines[2] == "0/4 cells; now: fit b"
    assert lines[-1].startswith("3/4 cells, ")
    assert " a minute, about " in lines[-1]
    assert lines[-1].endswith(" s left, 3 failed (ease 2, random 1); now: fit b")


def test_lines_are_few():
    stream = io.StringIO()
    with PlainProgress(stream) as display:
        display.begin(PLAN)
        for _ in range(1000):
            display.cell(record())
    assert len(stream.getvalue().splitlines()) <= 1


def test_a_terminal_gets_one_live_line_and_a_pipe_gets_lines():
    assert isinstance(progress(io.StringIO()), PlainProgress)
    stream = Terminal()
    with progress(stream) as display:
        assert isinstance(display, LiveProgress)
        display.begin(PLAN)
        display.stage(Task("a", "m:fit", label="fit [red]a[/red]"))
        display.cell(record("error", "fit"))
        display._bar.refresh()
    assert "1/4 cells" in stream.getvalue()
    assert "1 failed (ease 1)" in stream.getvalue()
