"""What the four models share: the feedback matrix with relaxed fakes below it, and batches of users."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recbench.contracts import Batch, FitContext, RelaxedProfiles, derive_seed, torch_rng
from recbench.data.interactions import Interactions


def feedback_matrix(train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None) -> Tensor:
    """Weights [n_users + m, n_items]: 1 for a genuine interaction, the relaxed weight for a fake one."""
    genuine = torch.tensor(train.csr.toarray(), dtype=torch.get_default_dtype(), device=ctx.device)
    return genuine if fakes is None else torch.cat([genuine, fakes.matrix().to(genuine)])


def gaussian(rows: int, columns: int, std: float, seed: int, table: str, device: str) -> Tensor:
    """A table [rows, columns] from a stream of its own."""
    return torch.randn(rows, columns, generator=torch_rng(seed, table, device=device), device=device) * std


def user_batches(n_users: int, size: int, seed: int, epoch: int, device: str) -> Iterator[Batch]:
    """Every user once, shuffled, in batches of `size`."""
    order = torch.randperm(n_users, generator=torch_rng(seed, "users", epoch, device=device), device=device)
    for step, users in enumerate(order.split(size)):
        yield Batch(users, derive_seed(seed, "noise", epoch, step))
