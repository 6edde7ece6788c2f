"""Which components the suite is generated over, what its functions are given, what the JSON says of the machine."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from recbench.component import Component
from recbench.errors import RecbenchError
from recbench.matrix.identity import Circumstances
from recbench.plugins import load_plugins
from recbench.throughput.bench import Bench, chosen
from recbench.throughput.machine import machine
from recbench.throughput.measuring import Measure, protocol
from recbench.throughput.settings import Settings
from recbench.throughput.timer import timer_of

ROLES: dict[str, Callable[[Component], bool]] = {
    "recommender": lambda component: component.kind == "recommender",
    "attacker": lambda component: component.kind == "attacker",
    "detector": lambda component: component.kind == "defense" and "sanitizer" in component.provides,
    "training": lambda component: component.kind == "defense" and "robust-training" in component.provides,
}
"""The arguments of the suite's functions, and the components that each stands for."""

SETTINGS = pytest.StashKey[Settings]()
BENCH = pytest.StashKey[Bench]()
CHOSEN = pytest.StashKey[list[Component]]()
TIMER = pytest.StashKey[Callable[[], float]]()


def pytest_configure(config: pytest.Config) -> None:
    import torch

    plugins = load_plugins()
    try:
        settings = Settings.from_environment()
        config.stash[TIMER] = timer_of(settings.device)
        config.stash[CHOSEN] = chosen(plugins, settings.only)
    except RecbenchError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[SETTINGS] = settings
    config.stash[BENCH] = Bench(plugins, Circumstances(settings.device, settings.threads), settings.users)
    torch.set_num_threads(settings.threads)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for role, belongs in ROLES.items():
        if role in metafunc.fixturenames:
            names = [component.name for component in metafunc.config.stash[CHOSEN] if belongs(component)]
            metafunc.parametrize(role, names)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "measure" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(timer=config.stash[TIMER], disable_gc=True))


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    settings = config.stash[SETTINGS]
    about = machine(settings.device, settings.threads)
    machine_info["recbench"] = about | {"protocol": protocol(settings.users)}


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Bench:
    """What makes pieces of work of components."""
    return request.config.stash[BENCH]


@pytest.fixture
def measure(request: pytest.FixtureRequest, benchmark: Any) -> Measure:
    """What times a piece of work."""
    return Measure(benchmark, request.config.stash[SETTINGS].device)


AGAIN = 5.0
"""Seconds after which a deadline is set again: an exception that arises in a destructor is lost."""


@pytest.fixture(autouse=True)
def deadline(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a measurement that takes too long, once the Python code in it has its turn."""
    with within(request.config.stash[SETTINGS].seconds):
        yield


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fails the test after so many seconds, by what is no Exception: what is timed could catch one, or an import make
    an ImportError of it.
    """

    def stop(_signal: int, _frame: object) -> None:
        pytest.fail(f"not done after {seconds:g} s", pytrace=False)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
