"""The interactions of genuine users and of relaxed fakes as one sparse matrix whose values carry gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from recbench.contracts import RelaxedProfiles, SparsePattern
from recbench.data import Interactions


def feedback_matrix(train: Interactions, fakes: RelaxedProfiles | None, device: str) -> tuple[SparsePattern, Tensor]:
    """Where the interactions are, [n_users + m, n_items], fakes last, and the weight of each: 1 for genuine ones."""
    indptr = torch.tensor(train.indptr, device=device)
    items = torch.tensor(train.items, dtype=torch.int64, device=device)
    weights = torch.ones(len(train), device=device)
    if fakes is not None:
        indptr = torch.cat([indptr, indptr[-1] + fakes.indptr[1:]])
        items = torch.cat([items, fakes.items])
        weights = torch.cat([weights, fakes.weights])
    return SparsePattern(indptr, items, train.n_items), weights
