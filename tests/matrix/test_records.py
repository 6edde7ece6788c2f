"""What a record says of the work behind a cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recbench.matrix.records import _amounts
from recbench.store import Artifact, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two genuine users of three and one interactions, two fakes of two and four; one of each is removed."""
    store = Store(tmp_path)
    store.put("prepared", Artifact({"train_users": np.array([0, 0, 0, 1])}, {"n_users": 2}))
    store.put("profiles", Artifact({"indptr": np.array([0, 2, 6])}))
    store.put("verdict", Artifact({"keep": np.array([True, False, False, True])}))
    store.put("fit", Artifact())
    return store


def amounts(store: Store, *stages: str) -> dict[str, dict[str, int]]:
    keys: dict[str, str | None] = dict.fromkeys(("prepared", "profiles", "verdict", "fit"))
    return _amounts(keys | {stage: stage for stage in stages}, store)


def test_a_fit_trains_on_the_fakes_too_and_on_nothing_that_was_removed(store: Store) -> None:
    assert amounts(store, "prepared", "fit") == {"fit": {"interactions": 4}}
    attacked = {"craft": {"profiles": 2}, "fit": {"interactions": 4 + 6}}
    assert amounts(store, "prepared", "profiles", "fit") == attacked
    defended = {"craft": {"profiles": 2}, "fit": {"interactions": 3 + 4}}
    assert amounts(store, "prepared", "profiles", "verdict", "fit") == defended


def test_a_stage_that_failed_did_nothing(store: Store) -> None:
    assert amounts(store, "prepared", "profiles") == {"craft": {"profiles": 2}}
    assert amounts(store) == {}
