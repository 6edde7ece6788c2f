"""A seed for a library that has a generator of its own, or that draws from the global ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from recbench.adapters.extras import generators_kept
from recbench.contracts import FitContext, derive_seed


def library_seed(ctx: FitContext) -> int:
    """The fit's seed in [0, 2**31), which every library's generator takes."""
    return derive_seed(ctx.seed, "library") % 2**31


def seed_unset(model: Any, ctx: FitContext) -> None:
    """Set the model's attributes `random_state` and `seed` where it has them and they are None."""
    for name in ("random_state", "seed"):
        if getattr(model, name, 0) is None:
            setattr(model, name, library_seed(ctx))


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """The global generators of Python, NumPy and torch start from the seed, and are afterwards as they were."""
    import torch

    with generators_kept(), torch.random.fork_rng([] if device == "cpu" else [device]):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        yield
