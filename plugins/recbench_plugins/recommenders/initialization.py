"""Initial tables whose rows do not depend on how many rows follow them."""

from __future__ import annotations

import torch
from torch import Tensor

from recbench.contracts import torch_rng

GROUP = 16
"""torch draws normal numbers on a CPU in groups of so many, and draws those of a last, smaller group anew: with
fewer columns, appended fakes would change the last rows of genuine users."""


def normal_table(rows: int, columns: int, scale: float, seed: int, name: str, device: str) -> Tensor:
    """Numbers from N(0, scale²), [rows, columns], of the stream `name`."""
    size = rows * columns
    drawn = torch.randn(size + -size % GROUP, generator=torch_rng(seed, name, device=device), device=device)
    return drawn[:size].reshape(rows, columns) * scale
