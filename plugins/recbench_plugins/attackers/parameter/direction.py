"""Where the tables of a trained victim go: the gradient of what an attack wants, and moves of so much a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from recbench.contracts import AttackerView, Problem, Tables, derive_seed
from recbench.contracts.perturbation import Ball
from recbench_plugins.attackers.objectives import MEASURES, Aim, Objective

CHUNK = 1024
"""Users scored at a time; no graph ever spans more."""


@dataclass(frozen=True, eq=False)
class Direction:
    """What the attack descends on: the targets' loss to push and nuke, minus the victim's own training loss to degrade.

    Args:
        view: the attack, whose budget is a ball.
        problem: of the victim.
        objective: of a push and a nuke, see `Aim`.
    """

    view: AttackerView
    problem: Problem
    objective: Objective

    @property
    def ball(self) -> Ball:
        assert isinstance(self.view.budget, Ball)
        return self.view.budget

    def gradient(self, tables: Tables) -> dict[str, Tensor]:
        """The gradient in each perturbable table."""
        own = dict(tables)
        names = sorted(self.problem.perturbable)
        for name in names:
            own[name] = tables[name].detach().clone().requires_grad_()
        total = {name: torch.zeros_like(tables[name]) for name in names}
        for loss in self._parts(own):
            found = torch.autograd.grad(loss, [own[name] for name in names], allow_unused=True, materialize_grads=True)
            for name, part in zip(names, found, strict=True):
                total[name] += part
        return total

    def _parts(self, tables: Tables) -> Iterator[Tensor]:
        """Losses whose sum is descended on, each a scalar with a graph of its own."""
        if self.view.goal == "degrade":
            for batch in self.problem.batches(derive_seed(self.view.seed, "batches"), 0):
                yield -self.problem.losses(tables, batch).sum()
            return
        aim = Aim.of(self.view, self.objective)
        for start in range(0, len(aim.pairs), CHUNK):
            users = torch.arange(start, min(start + CHUNK, len(aim.pairs)), device=aim.pairs.device)
            losses = MEASURES[self.objective](self.problem.scores(tables, users), aim.targets)
            yield aim.sign * torch.where(aim.pairs[users], losses, 0.0).sum()


def downhill(gradient: Tensor) -> Tensor:
    """Minus the gradient, each row of length 1; rows without a gradient stay 0."""
    length = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    return torch.where(length > 0, -gradient / length.clamp(min=1e-30), torch.zeros_like(gradient))
