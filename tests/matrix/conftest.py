"""Fixtures: ml-100k as the stage `prepare` leaves it, and components by path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recbench.matrix.choices import Resolver
from recbench.matrix.prepare import prepare
from recbench.matrix.prepared import Prepared
from recbench.plugins import Plugins, load_plugins
from recbench.store import Artifact

PLANTED = Path(__file__).with_name("planted_components.py")
Spec = Callable[..., dict[str, Any]]

TARGETS = {"strategy": "unpopular", "fraction": 0.2, "count": 5, "groups": 2}


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return load_plugins()


@pytest.fixture(scope="session")
def spec(plugins: Plugins) -> Spec:
    """The description of a component in a stage's arguments: `spec("recommender", "ease")` or of a planted one."""

    def spec(kind: Any, name: str) -> dict[str, Any]:
        reference = f"{PLANTED}:{name}" if name[0].isupper() else name
        (choice,) = Resolver(plugins).choices(kind, [reference])
        return choice.spec | {"knowledge": sorted(choice.component.knowledge)}

    return spec


@pytest.fixture(scope="session")
def prepare_arguments(spec: Spec) -> dict[str, Any]:
    return {
        "dataset": spec("dataset", "ml-100k"),
        "feedback": "implicit",
        "positive_from": None,
        "kcore": None,
        "split": {"kind": "ratio", "shares": [0.8, 0.1, 0.1]},
        "targets": TARGETS,
        "seed": 0,
    }


@pytest.fixture(scope="session", autouse=True)
def surroundings(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECBENCH_MIRROR", str(mirror))
        patch.setenv("RECBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def artifact(prepare_arguments: dict[str, Any]) -> Artifact:
    return prepare(prepare_arguments, {})


@pytest.fixture(scope="session")
def prepared(artifact: Artifact) -> Prepared:
    return Prepared.of(artifact)
