"""The attack's loss of profiles on a surrogate, as a generator can afford it: often."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from recbench.contracts import AttackerView, Differentiable, Params, RelaxedProfiles, derive_seed, optimize, unroll
from recbench_plugins.attackers.gan.adversarial import Contest
from recbench_plugins.attackers.objectives import Aim


@dataclass(frozen=True, eq=False)
class SurrogateLoss:
    """How well profiles attack surrogates that learn them on top of what they know of genuine users.

    Args:
        view, aim: what is attacked.
        surrogate: trained to its end, to judge by.
        last: the same surrogate with the few epochs that are differentiated through.
        starts: surrogates trained for a while on the genuine users alone, taken in turn: with one seed the
            attack overfits it.
    """

    view: AttackerView
    aim: Aim
    surrogate: Differentiable
    last: Differentiable
    starts: list[Params]

    @classmethod
    def of(
        cls,
        view: AttackerView,
        aim: Aim,
        name: str,
        dim: int,
        epochs: int,
        start_epochs: int,
        last_epochs: int,
        last_lr: float,
        starts: int,
    ) -> SurrogateLoss:
        """Surrogates of `dim` dimensions, trained for `epochs`, or for `start_epochs` and some more with `last_lr`."""
        start = view.surrogate(name, dim=dim, epochs=start_epochs).problem(view.observed, view.context())
        return cls(
            view,
            aim,
            surrogate=view.surrogate(name, dim=dim, epochs=epochs),
            last=view.surrogate(name, dim=dim, epochs=last_epochs, lr=last_lr),
            starts=[optimize(start, view.context("surrogate", k)) for k in range(starts)],
        )

    def __call__(self, profiles: RelaxedProfiles, turn: int) -> Tensor:
        """The loss on the `turn`-th surrogate, a scalar with the profiles' gradient."""
        seed = derive_seed(self.view.seed, "surrogate", turn)
        problem = self.last.problem(self.view.observed, self.view.context(), profiles)
        fresh, known = problem.init(seed), self.starts[turn % len(self.starts)]
        # Fakes are the last users: tables of users end with rows that no genuine user has, others do not.
        start = {name: torch.cat([known[name], table[len(known[name]) :]]) for name, table in fresh.items()}
        return self.aim.loss(problem, problem.encode(unroll(problem, seed, start=start)))

    def judge(self, profiles: list[RelaxedProfiles]) -> float:
        """The mean loss on fully trained surrogates, one for each set of profiles, that no gradient came from."""
        with torch.no_grad():
            return float(np.mean([self._trained(drawn, k) for k, drawn in enumerate(profiles)]))

    def _trained(self, profiles: RelaxedProfiles, k: int) -> float:
        problem = self.surrogate.problem(self.view.observed, self.view.context(), profiles)
        with torch.enable_grad():
            params = optimize(problem, self.view.context("held out", k))
        return float(self.aim.loss(problem, problem.encode(params)))


def learn_to_attack(
    contest: Contest,
    attack: SurrogateLoss,
    drawn: Callable[[int], RelaxedProfiles],
    steps: int,
    weight: float,
    judge_every: int,
    held_out: int,
) -> None:
    """Let the generator descend the surrogate's loss beside its own; leave it as it was when it attacked best.

    Args:
        contest: between the generator and its discriminator; each of `steps` is one of its steps.
        attack: the surrogate's loss.
        drawn: the generator's profiles for a seed, with its gradient.
        weight: of the surrogate's loss.
        judge_every: judge after so many steps.
        held_out: surrogate seeds to judge by.
    """
    generator, seed = contest.generator, attack.view.seed

    def step(turn: int) -> None:
        contest.step(weight * attack(drawn(derive_seed(seed, "attack", turn)), turn))

    def judged() -> float:
        return attack.judge([drawn(derive_seed(seed, "judged", k)) for k in range(held_out)])

    keep_best(generator, step, judged, steps, judge_every)


def keep_best(
    generator: nn.Module, step: Callable[[int], None], judged: Callable[[], float], steps: int, judge_every: int
) -> None:
    """Train a generator by `steps` of `step`; leave it as it was when `judged`, asked now and then, was least."""
    best, best_loss = generator.state_dict(), float("inf")
    for turn in range(steps):
        step(turn)
        if (turn + 1) % judge_every == 0 or turn + 1 == steps:
            found = judged()
            if found < best_loss:
                best, best_loss = deepcopy(generator.state_dict()), found
    generator.load_state_dict(best)
