"""The exact bilevel gradient, by unrolling the surrogate's training.

Tang, Wen, Wang, "Revisiting Adversarially Learned Injection Attacks Against Recommender Systems",
RecSys 2020, Algorithm 1. The profiles are the outer variables, the surrogate's training is the inner
problem, and the gradient of the attack's loss flows back through every step of that training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import (
    AttackerView,
    Params,
    PoisoningAttacker,
    Problem,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    derive_seed,
    numpy_rng,
    option,
    project,
    straight_through,
    torch_rng,
    unroll,
)
from recbench.data import Interactions
from recbench_plugins.attackers.gradient.implicit import optimum
from recbench_plugins.attackers.objectives import Aim, Objective


@dataclass(frozen=True, eq=False)
class Iterate:
    """Profiles on the way, and the attack's loss on a surrogate trained with them."""

    profiles: Profiles
    loss: float


@dataclass(frozen=True)
class UnrolledGradient(PoisoningAttacker):
    """Gradient descent on fake profiles through the surrogate's unrolled training. Implicit feedback.

    Two things differ from the paper. Profiles have an exact budget: the paper's threshold leaves their size
    free (its random baseline holds half of the catalogue). And the outer variable is a latent matrix
    whose heaviest entries are the profile (straight-through): projecting the matrix itself after every
    step, as the paper does, forgets all progress that does not yet change an entry; `latent=False` is
    that variant.

    Args:
        surrogate: a differentiable recommender, by name.
        dim, epochs: its size and its training, all of which is unrolled unless `unrolled_epochs` says less.
        unrolled_epochs: how many of the last epochs are differentiated through; None is all.
        steps: outer steps.
        lr, momentum: of the outer gradient descent; the gradient of each profile is scaled to length 1.
        objective: `log-rank`, the smoothed logarithm of the targets' ranks, or the paper's `cross-entropy`.
        latent: keep the outer variable real-valued between steps.
        noise: share of uniform noise in the start, the rest being a genuine user's row; 0 is the paper's start.
        rotate: train the surrogate from another seed in every step; with one seed the attack overfits it.
        held_out: how many surrogate seeds, none of which gave a gradient, judge every step; the best step's
            profiles are the attack. With 0 the step's own seed judges, as in the paper.
        gradient: `implicit` takes the gradient of the training's optimum instead (see `optimum`): its memory does not
            grow with the epochs, of which there should be enough to come near the optimum.
        surrogates: how many seeds of the surrogate a step's gradient is the mean of; its cost grows with them.
    """

    surrogate: str = "wmf-sgd"
    dim: PositiveInt = 32
    epochs: PositiveInt = 50
    unrolled_epochs: PositiveInt | None = None
    steps: NonNegativeInt = 16
    lr: PositiveFloat = 1.0
    momentum: NonNegativeFloat = 0.9
    objective: Objective = "log-rank"
    latent: bool = True
    noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    rotate: bool = True
    held_out: NonNegativeInt = 2
    gradient: Literal["unrolled", "implicit"] = option("unrolled")
    surrogates: Annotated[int, Field(ge=1)] = option(1)

    def __post_init__(self) -> None:
        if self.gradient == "implicit" and self.unrolled_epochs is not None:
            raise RecbenchError("the implicit gradient unrolls no epoch; leave unrolled_epochs out")

    def craft(self, view: AttackerView) -> Profiles:
        best = min(self.descend(view), key=lambda iterate: iterate.loss)
        return best.profiles

    def descend(self, view: AttackerView) -> Iterator[Iterate]:
        """The start and the profiles after every step, each judged by the attack's loss."""
        if view.feedback == "explicit":
            raise RecbenchError("unrolled-gradient writes clicks, not ratings; run it on the implicit track")
        aim = Aim.of(view, self.objective)
        nothing = np.zeros(0, np.int64)
        always, never = (nothing, view.targets) if view.goal == "nuke" else (view.targets, nothing)
        targets = torch.tensor(view.targets, dtype=torch.int64, device=view.device)
        ties = derive_seed(view.seed, "ties")
        surrogate = view.surrogate(self.surrogate, dim=self.dim, epochs=self.epochs)
        judges = [derive_seed(view.seed, "held out", k) for k in range(self.held_out)]

        def loss(profiles: RelaxedProfiles, trained: Callable[[Problem], Params]) -> Tensor:
            problem = surrogate.problem(view.observed, view.context("surrogate"), profiles)
            return aim.loss(problem, problem.encode(trained(problem)))

        def attacked(problem: Problem, seed: int) -> Params:
            if self.gradient == "implicit":
                return optimum(problem, seed)
            return unroll(problem, seed, self.unrolled_epochs)

        weights = genuine_rows(view.observed, view.budget.sizes, view.seed, view.device)
        rng = torch_rng(view.seed, "noise", device=view.device)
        weights = torch.lerp(weights, torch.rand(weights.shape, generator=rng, device=view.device), self.noise)
        velocity = torch.zeros_like(weights)
        for step in range(self.steps + 1):
            weights.requires_grad_()
            hard = straight_through(RelaxedProfiles.dense(weights), view.budget, ties, always, never)
            gradient, inner = torch.zeros_like(weights), []
            for k in range(self.surrogates):
                number = (step if self.rotate else 0) + k * (self.steps + 1)
                found = loss(hard, partial(attacked, seed=derive_seed(view.seed, "inner", number)))
                inner.append(float(found.detach()))
                if step < self.steps:
                    gradient += torch.autograd.grad(found, weights)[0]
            chosen = project(RelaxedProfiles.dense(weights), view.budget, ties, always, never)
            sparse = RelaxedProfiles.of(chosen, view.observed.n_items, view.device)
            with torch.no_grad():
                judged = [float(loss(sparse, partial(unroll, seed=seed, last=0))) for seed in judges]
            yield Iterate(chosen, float(np.mean(judged or inner)))
            if step == self.steps:
                return
            # The targets are fixed: their gradient would only shorten the rest of the row's.
            gradient[:, targets] = 0
            velocity = self.momentum * velocity + gradient / (gradient.norm(dim=1, keepdim=True) + 1e-12)
            weights = (weights if self.latent else hard.matrix()).detach() - self.lr * velocity


def genuine_rows(train: Interactions, sizes: np.ndarray, seed: int, device: str) -> Tensor:
    """Float [m, n_items]: rows of genuine users drawn among those with enough items for each profile.

    The paper starts from copies of genuine users; a row longer than its profile is cut by the projection.
    """
    rng = numpy_rng(seed, "templates")
    longest_first = np.argsort(-train.user_counts, kind="stable")
    enough = np.searchsorted(-train.user_counts[longest_first], -sizes, side="right")
    users = longest_first[(rng.random(len(sizes)) * np.maximum(enough, 1)).astype(np.int64)]
    return torch.tensor(train.csr[users].toarray(), dtype=torch.float32, device=device)
