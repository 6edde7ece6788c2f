"""What a learned attack optimizes on its surrogate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from recbench.contracts import AttackerView, Problem, RecbenchError, Tables

Objective = Literal["log-rank", "cross-entropy", "competitors"]

SCORES = 2**24
"""Scores that are held at a time, 64 MiB; an objective holds a few times as many."""


@dataclass(frozen=True, eq=False)
class Aim:
    """Whom the attack addresses, and with what.

    Args:
        targets: int64 [t].
        pairs: bool [n, t], the genuine users who do not have each target: the others do not count in the
            evaluation either.
        sign: 1 to push (the loss falls when the targets rise), -1 to nuke.
        objective: see `log_rank`, `cross_entropy` and `competitors`.
    """

    targets: Tensor
    pairs: Tensor
    sign: float
    objective: Objective

    @classmethod
    def of(cls, view: AttackerView, objective: Objective) -> Aim:
        """The aim of an attack that sees the interactions.

        Raises:
            RecbenchError: the goal is neither push nor nuke.
        """
        if view.goal == "degrade":
            raise RecbenchError("this attack moves targets: its goals are push and nuke, not degrade")
        users = np.arange(view.observed.n_users)[:, None]
        return cls(
            targets=torch.tensor(view.targets, dtype=torch.int64, device=view.device),
            pairs=torch.tensor(~view.observed.contains(users, view.targets[None, :]), device=view.device),
            sign=-1.0 if view.goal == "nuke" else 1.0,
            objective=objective,
        )

    def loss(self, problem: Problem, tables: Tables, chunk: int | None = None) -> Tensor:
        """The attack's loss on a trained surrogate, a scalar: the mean over all pairs of a user and a target.

        Users are scored `chunk` at a time, by default `at_once`, and once more in the backward pass where there are
        more of them: no more scores than those of one chunk are ever held.
        """
        chunk = chunk or at_once(problem.n_items)
        starts = range(0, len(self.pairs), chunk)

        def of_chunk(start: int, tables: Tables) -> Tensor:
            users = torch.arange(start, min(start + chunk, len(self.pairs)), device=self.pairs.device)
            measured = MEASURES[self.objective](problem.scores(tables, users), self.targets)
            return torch.where(self.pairs[users], measured, 0.0).sum()

        total = torch.zeros((), device=self.pairs.device)
        for start in starts:
            if len(starts) == 1 or not torch.is_grad_enabled():
                total = total + of_chunk(start, tables)
            else:
                total = total + checkpoint(
                    of_chunk, start, tables, use_reentrant=False, preserve_rng_state=False, determinism_check="none"
                )
        return self.sign * total / self.pairs.sum().clamp(min=1)


def at_once(n_items: int) -> int:
    """How many users to score at a time: many, but no more than `SCORES` scores where that is at least one user."""
    return min(2048, max(1, SCORES // n_items))


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """-log softmax(scores)[target] over all items, [b, t] (Tang, Wen, Wang, RecSys 2020, eq. 6)."""
    return -torch.log_softmax(scores, dim=1)[:, targets]


def competitors(scores: Tensor, targets: Tensor) -> Tensor:
    """-log softmax(scores)[target] over the items that do not rank below the target, [b, t].

    Lin et al., "Shilling black-box recommender systems by learning to generate fake user profiles", TNNLS 2022, eq. 8.
    Other items are left out, not given a logit of 0 as in the released code.
    """
    ahead = [torch.where(scores >= scores[:, t : t + 1], scores, -torch.inf) for t in targets.tolist()]
    return torch.stack([each.logsumexp(1) for each in ahead], dim=1) - scores[:, targets]


def log_rank(scores: Tensor, targets: Tensor, width: float = 0.25) -> Tensor:
    """The logarithm of each target's smoothed rank, [b, t]: the benchmark's rank gain made differentiable.

    The rank is a sum of sigmoids of score differences, `width` standard deviations of the user's scores
    wide. Unlike the softmax it has a scale of its own: weighted MF predicts between 0 and 1, where a
    softmax over a thousand items is all but flat.
    """
    spread = width * scores.detach().std(dim=1, keepdim=True) + 1e-12
    ranks = [torch.sigmoid((scores - scores[:, t : t + 1]) / spread).sum(1) for t in targets.tolist()]
    return torch.stack(ranks, dim=1).log()


MEASURES: dict[Objective, Callable[[Tensor, Tensor], Tensor]] = {
    "log-rank": log_rank,
    "cross-entropy": cross_entropy,
    "competitors": competitors,
}
