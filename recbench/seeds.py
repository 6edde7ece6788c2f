"""Randomness: every stream is derived by hashing one seed with the names of what it is for.

No code in recbench or in its standard plugins draws from a global generator. Streams that are derived by
name do not depend on the order in which they are drawn, so adding fake users to the data does not move
the initialization of the item table.
"""

from __future__ import annotations

import hashlib
import random
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *names: str | int) -> int:
    """A seed in [0, 2**63) for the stream called `names` under `seed`."""
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_rng(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator for the stream called `names` under `seed`."""
    return np.random.default_rng(derive_seed(seed, *names))


def torch_rng(seed: int, *names: str | int, device: str = "cpu") -> torch.Generator:
    """A torch generator on `device` for the stream called `names` under `seed`."""
    import torch

    return torch.Generator(device=device).manual_seed(derive_seed(seed, *names))


def start_generators(seed: int) -> None:
    """Start the global generators of Python, NumPy and, where it is imported, torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)
