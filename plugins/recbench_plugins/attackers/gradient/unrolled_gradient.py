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
from recbench_plugins.attackers.gradient.outer import Descent, OuterOptimizer
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
        optimizer: of the outer descent, see `OuterOptimizer`; the paper's is `momentum`.
        checkpoint: keep the surrogate's state now and then instead of every step's graph: the same gradient to
            rounding, in memory that grows with the root of the steps, for about a quarter more time.
        candidates: fillers are among so many of the most popular items, or as many as the longest profile holds; None
            is the whole catalogue. What is differentiated has as many entries as there are fakes times candidates.
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
    optimizer: OuterOptimizer = option("momentum")
    checkpoint: bool = option(False)
    candidates: PositiveInt | None = option(None)

    def __post_init__(self) -> None:
        if self.gradient == "implicit" and (self.unrolled_epochs is not None or self.checkpoint):
            raise RecbenchError("the implicit gradient unrolls no epoch; leave unrolled_epochs and checkpoint out")

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
        ties = derive_seed(view.seed, "ties")
        surrogate = view.surrogate(self.surrogate, dim=self.dim, epochs=self.epochs)
        judges = [derive_seed(view.seed, "held out", k) for k in range(self.held_out)]
        columns = among(view, self.candidates)
        given = torch.isin(columns, aim.targets)

        def loss(profiles: RelaxedProfiles, trained: Callable[[Problem], Params]) -> Tensor:
            problem = surrogate.problem(view.observed, view.context("surrogate"), profiles)
            return aim.loss(problem, problem.encode(trained(problem)))

        def attacked(problem: Problem, seed: int, weights: Tensor) -> Params:
            if self.gradient == "implicit":
                return optimum(problem, seed)
            return unroll(problem, seed, self.unrolled_epochs, checkpoint=[weights] if self.checkpoint else None)

        weights = genuine_rows(view.observed, view.budget.sizes, view.seed, view.device)[:, columns]
        rng = torch_rng(view.seed, "noise", device=view.device)
        weights = torch.lerp(weights, torch.rand(weights.shape, generator=rng, device=view.device), self.noise)
        descent = Descent(self.optimizer, self.lr, self.momentum)
        for step in range(self.steps + 1):
            weights.requires_grad_()
            relaxed = over(columns, weights, view.n_items)
            hard = straight_through(relaxed, view.budget, ties, always, never)
            gradient, inner = torch.zeros_like(weights), []
            for k in range(self.surrogates):
                number = (step if self.rotate else 0) + k * (self.steps + 1)
                seed = derive_seed(view.seed, "inner", number)
                if step == self.steps:
                    if not judges:
                        with torch.no_grad():
                            inner.append(float(loss(hard, partial(unroll, seed=seed, last=0))))
                    continue
                found = loss(hard, partial(attacked, seed=seed, weights=hard.weights))
                inner.append(float(found.detach()))
                gradient += torch.autograd.grad(found, weights)[0]
            chosen = project(relaxed, view.budget, ties, always, never)
            sparse = RelaxedProfiles.of(chosen, view.n_items, view.device)
            with torch.no_grad():
                judged = [float(loss(sparse, partial(unroll, seed=seed, last=0))) for seed in judges]
            yield Iterate(chosen, float(np.mean(judged or inner)))
            if step == self.steps:
                return
            # The targets are fixed: their gradient would only shorten the rest of the row's.
            gradient[:, given] = 0
            weights = descent.step((weights if self.latent else hard.weights.view_as(weights)).detach(), gradient)


def among(view: AttackerView, candidates: int | None) -> Tensor:
    """int64, ascending: the items that profiles may hold, which are the targets and the most popular others.

    Args:
        view: the attack.
        candidates: how many others, or as many as the longest profile holds; None is all of them.
    """
    if candidates is None:
        return torch.arange(view.n_items, device=view.device)
    counts = view.observed.item_counts.astype(np.float64)
    counts[view.targets] = np.inf
    count = max(candidates, int(view.budget.sizes.max(initial=0))) + len(view.targets)
    return torch.tensor(np.sort(np.argsort(-counts, kind="stable")[:count]), device=view.device)


def over(columns: Tensor, weights: Tensor, n_items: int) -> RelaxedProfiles:
    """Profiles whose support is the same columns [c] of the catalogue, from weights [m, c]."""
    m, count = weights.shape
    return RelaxedProfiles(
        indptr=torch.arange(m + 1, device=weights.device) * count,
        items=columns.repeat(m),
        weights=weights.reshape(-1),
        n_items=n_items,
    )


def genuine_rows(train: Interactions, sizes: np.ndarray, seed: int, device: str) -> Tensor:
    """Float [m, n_items]: rows of genuine users drawn among those with enough items for each profile.

    The paper starts from copies of genuine users; a row longer than its profile is cut by the projection.
    """
    rng = numpy_rng(seed, "templates")
    longest_first = np.argsort(-train.user_counts, kind="stable")
    enough = np.searchsorted(-train.user_counts[longest_first], -sizes, side="right")
    users = longest_first[(rng.random(len(sizes)) * np.maximum(enough, 1)).astype(np.int64)]
    return torch.tensor(train.csr[users].toarray(), dtype=torch.float32, device=device)
