"""The contracts as one module: what plugins import from."""

from __future__ import annotations

import subprocess
import sys

import pytest

from recbench import contracts


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_contracts_loads_no_torch() -> None:
    assert fresh("import sys; from recbench.contracts import Recommender; print('torch' in sys.modules)") == "False"
    assert fresh("import sys; from recbench.contracts import Adagrad; print('torch' in sys.modules)") == "True"


def test_every_public_name_is_there() -> None:
    assert set(contracts.OF_TORCH) <= set(contracts.__all__)
    assert set(contracts.__all__) <= set(dir(contracts))
    for name in contracts.__all__:
        assert getattr(contracts, name) is not None


def test_an_unknown_name_is_an_attribute_error_that_quotes_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Adagrat'"):
        _ = contracts.Adagrat
