"""Random moves of the same length: what an attack on tables must beat."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from recbench.contracts import AttackerView, ParameterAttacker, Problem, Tables, torch_rng
from recbench.contracts.perturbation import Ball
from recbench_plugins.attackers.parameter.direction import downhill


@dataclass(frozen=True)
class ParameterNoise(ParameterAttacker):
    """Every perturbable row to the edge of its ball, in a direction drawn uniformly: the control of He et al. (SIGIR
    2018, figure 1), whatever the goal. Knowledge: none beside the tables."""

    def perturb(self, view: AttackerView, problem: Problem, tables: Tables) -> Tables:
        assert isinstance(view.budget, Ball)
        moved = dict(tables)
        for name in sorted(problem.perturbable):
            rng = torch_rng(view.seed, name, device=view.device)
            drawn = torch.randn(tables[name].shape, generator=rng, device=view.device)
            moved[name] = tables[name] + view.budget.radii(tables[name]) * downhill(drawn)
        return moved
