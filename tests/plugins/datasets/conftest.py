"""Every data set of the mirror is loaded once."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from recbench.contracts.dataset import Data
from recbench.factories import resolve
from recbench.plugins import load_plugins

Load = Callable[[str], Data]


@pytest.fixture(scope="session")
def load(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """A function from the name of a data set to what `load` returns, fetched from the mirror into an empty cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("RECBENCH_MIRROR", str(mirror))
        plugins = load_plugins(third_party=False)
        yield cache(lambda name: resolve(plugins.get("dataset", name))().load())
