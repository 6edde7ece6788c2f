"""The suite: one benchmark a task and component."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from recbench.throughput.bench import BATCHES, Bench, NotTimed, parameters
from recbench.throughput.measuring import Measure


def test_fit(bench: Bench, measure: Measure, recommender: str) -> None:
    with skipping():
        work = bench.fit(recommender)
    scorer = measure("fit", recommender, work)
    measure.tell(parameters=parameters(scorer))


@pytest.mark.parametrize("batch", BATCHES)
def test_score(bench: Bench, measure: Measure, recommender: str, batch: int) -> None:
    with skipping():
        work = bench.score(recommender, batch)
    scores = measure("score", recommender, work, batch=batch)
    assert len(scores) == batch


def test_craft(bench: Bench, measure: Measure, attacker: str) -> None:
    with skipping():
        work = bench.craft(attacker)
    measure("craft", attacker, work)


def test_inspect(bench: Bench, measure: Measure, detector: str) -> None:
    with skipping():
        work = bench.inspect(detector)
    measure("inspect", detector, work)


def test_robust_fit(bench: Bench, measure: Measure, training: str) -> None:
    with skipping():
        work = bench.robust_fit(training)
    measure("robust-fit", training, work)


@contextmanager
def skipping() -> Iterator[None]:
    """Skips what cannot be timed here, with its reason."""
    try:
        yield
    except NotTimed as reason:
        pytest.skip(str(reason))
