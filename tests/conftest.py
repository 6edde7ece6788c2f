"""What every test may use: the mirror of real data sets, where there is one."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from planted_suite import InThisProcess, open_shop

from recbench.contracts import FitContext, Recommender
from recbench.data.feedback import binarize
from recbench.data.readers import read_interactions
from recbench.data.splits import ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality

# As `make test` has it, for whoever calls pytest: two threads on busy cores took the kit four times as long.
for name, value in {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}.items():
    os.environ.setdefault(name, value)  # for the processes that tests start
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

MIRROR = Path(os.environ.get("RECBENCH_MIRROR", Path(__file__).parents[2] / "shared" / "data"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file whose tests share what it makes once stays on one worker of xdist: each of two would make it."""
    sharing = {item.location[0] for item in items if _shares(item)}
    for item in items:
        if item.location[0] in sharing and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))


def _shares(item: pytest.Item) -> bool:
    """Whether a fixture of the test is made once a file."""
    definitions = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    return any(each.scope == "module" for found in definitions for each in found)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """A folder with one folder of raw files a data set; tests on real data skip where it is not to be had."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of the real data at {MIRROR}; set RECBENCH_MIRROR")
    return MIRROR


@pytest.fixture(scope="session")
def ndcg_on_movielens(mirror: Path) -> Callable[[Recommender], float]:
    """A function from a recommender to its test NDCG@10 on ml-100k: every rating a positive, 80/20 a user, seed 42."""
    data = binarize(read_interactions(mirror / "ml-100k").interactions)
    split = ratio_split(data, seed=42, validation=0.0, test=0.2)
    audience = Audience.shuffled(np.arange(data.n_users), data.n_users, seed=42)

    def measure(recommender: Recommender) -> float:
        scorer = recommender.fit(split.train, FitContext(seed=42))
        return validation_quality(
            scorer, audience, split.train.histories, data.n_items, split.test.histories, seed=42, k=10
        )

    return measure


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, here and in child processes, even where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def quick_executor(monkeypatch) -> None:
    monkeypatch.setattr("recbench.matrix.run.LocalExecutor", InThisProcess)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """A working folder with a small data set of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    open_shop(tmp_path)
    return tmp_path
