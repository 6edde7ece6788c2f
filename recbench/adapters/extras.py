"""Libraries that recbench does without, and that an extra of its own installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from recbench.errors import PluginError


def from_extra(extra: str, module: str) -> Any:
    """Import a module of the library that `pip install 'recbench[extra]'` installs.

    Raises:
        PluginError: the library is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name != package:  # the library is there and misses one of its own
            raise
        raise PluginError(f"{package} is not installed; pip install 'recbench[{extra}]'") from None
