"""Libraries of extras, imported where they are used."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from recbench.adapters import from_extra


def test_a_library_that_draws_as_it_is_imported_leaves_the_global_generators_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow does: a first fit would leave another state behind than a second."""
    (tmp_path / "draws_at_once.py").write_text("import random, numpy\ndrawn = random.random(), numpy.random.random()\n")
    monkeypatch.syspath_prepend(tmp_path)
    before, legacy = random.getstate(), np.random.get_state(legacy=True)  # noqa: NPY002
    assert len(from_extra("drawing", "draws_at_once").drawn) == 2
    assert random.getstate() == before
    after = np.random.get_state(legacy=True)  # noqa: NPY002
    assert after[2:] == legacy[2:]
    np.testing.assert_array_equal(after[1], legacy[1])
