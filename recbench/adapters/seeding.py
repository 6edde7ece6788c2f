"""A seed for a library that has a generator of its own."""

from __future__ import annotations

from typing import Any

from recbench.contracts import FitContext, derive_seed


def library_seed(ctx: FitContext) -> int:
    """The fit's seed in [0, 2**31), which every library's generator takes."""
    return derive_seed(ctx.seed, "library") % 2**31


def seed_unset(model: Any, ctx: FitContext) -> None:
    """Set the model's attributes `random_state` and `seed` where it has them and they are None."""
    for name in ("random_state", "seed"):
        if getattr(model, name, 0) is None:
            setattr(model, name, library_seed(ctx))
