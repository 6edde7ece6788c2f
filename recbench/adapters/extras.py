"""Libraries that recbench does without, and that an extra of its own installs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from recbench.errors import PluginError


def from_extra(extra: str, module: str) -> Any:
    """Import a module of the library that `pip install 'recbench[extra]'` installs.

    What the library draws as it is imported, as TensorFlow does, leaves no trace in the global generators.

    Raises:
        PluginError: the library is not installed.
    """
    try:
        with generators_kept():
            return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name != package:  # the library is there and misses one of its own
            raise
        raise PluginError(f"{package} is not installed; pip install 'recbench[{extra}]'") from None


@contextmanager
def generators_kept() -> Iterator[None]:
    """The global generators of Python and NumPy are afterwards as they were."""
    drawn, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(drawn)
        np.random.set_state(legacy)  # noqa: NPY002
