"""RAPU-G: the unrolled gradient where the attacker's copy of the data is incomplete and partly wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import (
    Adam,
    AttackerView,
    PoisoningAttacker,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    derive_seed,
    option,
    project,
    straight_through,
    torch_rng,
)
from recbench_plugins.attackers.gradient.outer import Descent, OuterOptimizer
from recbench_plugins.attackers.gradient.unrolled_gradient import genuine_rows
from recbench_plugins.attackers.objectives import Aim

WIDTH = 0.3
"""The deviation of a feedback around what the surrogate predicts for it; the paper's."""
PERTURBED = 0.5
"""The mean of a feedback that was perturbed; the paper's."""
PRIOR = 0.8
"""The share of cells that are observed, and of those that are as they were, before anything is known."""
TURNS, SETTLED = 20, 1e-3
"""Of expectation and maximization, at most, and the change of a prior that ends them; the authors have no limit."""


@dataclass(frozen=True, eq=False)
class Step:
    """Profiles on the way, and the attack's loss on a held-out surrogate that was trained with them."""

    profiles: Profiles
    loss: float


@dataclass(frozen=True)
class RAPUG(PoisoningAttacker):
    """RAPU-G (Zhang, Tian, Li, Su, Yang, Zhao, Gao, "Data poisoning attack against recommender system using incomplete
    and perturbed data", KDD 2021). Push on implicit feedback.

    Gradient descent on fake profiles through a surrogate's training, in whose last epochs the genuine cells that seem
    missing or perturbed have no weight (see `trusted`). The surrogate is weighted matrix factorization over all
    cells x with confidence a,

        sum of trust · (s² (1 + (a - 1) x) - 2 a x s) + l2 (|P|² + |Q|²),

    trust being 1 for fakes and, in those epochs, of mean 1 over the genuine cells. The attack's loss is the
    Wilcoxon-Mann-Whitney one: of each user and target t, the mean over the items j of the user's best `k`, without
    targets, of sigmoid((s_uj - s_ut) / `width`). The items of the largest X_i + c_i / max c are the profile, c_i being
    how often an item was clicked.

    Departures: exact budgets and a latent X, as in `unrolled-gradient`; the weight of a fake's cell is a constant of
    the derivative, and a click pulls alike whether it is added or taken away; the surrogate has another seed in every
    step, and one from a seed of its own chooses among the steps. The whole matrix is held: for small data sets.
    Knowledge: `interactions`; the surrogate is the attack's own.

    Args:
        dim, alpha, l2, lr, epochs: of the surrogate, trained by Adam.
        unrolled: how many of the last epochs are differentiated through; memory grows with them.
        trusting: how many of the last epochs weigh what they see.
        k, width: see above.
        steps: outer steps.
        step, momentum: of the outer descent; the gradient of each profile is scaled to length 1.
        optimizer: of the outer descent, see `OuterOptimizer`.
    """

    dim: PositiveInt = 32
    alpha: PositiveFloat = 5.0
    l2: NonNegativeFloat = 45.0
    lr: PositiveFloat = 0.05
    epochs: PositiveInt = 50
    unrolled: PositiveInt = 20
    trusting: PositiveInt = 3
    k: PositiveInt = 50
    width: PositiveFloat = 0.1
    steps: NonNegativeInt = 16
    step: PositiveFloat = 1.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    optimizer: OuterOptimizer = option("momentum")

    def craft(self, view: AttackerView) -> Profiles:
        return min(self.descend(view), key=lambda step: step.loss).profiles

    def descend(self, view: AttackerView) -> Iterator[Step]:
        """The start and the profiles after every step, each judged by the attack's loss."""
        if view.feedback == "explicit":
            raise RecbenchError("rapu-g writes clicks, not ratings; run it on the implicit track")
        if view.goal != "push" or not len(view.targets):
            raise RecbenchError(f"rapu-g promotes its targets; it cannot {view.goal}")
        genuine = torch.tensor(view.observed.csr.toarray(), dtype=torch.float32, device=view.device)
        popularity = genuine.sum(0) / genuine.sum(0).max().clamp(min=1)
        aim, ties = Aim.of(view, "log-rank"), derive_seed(view.seed, "ties")
        latent = genuine_rows(view.observed, view.budget.sizes, view.seed, view.device)
        descent = Descent(self.optimizer, self.step, self.momentum)
        for step in range(self.steps + 1):
            latent.requires_grad_()
            weights = RelaxedProfiles.dense(latent + popularity)
            fakes = straight_through(weights, view.budget, ties, view.targets).matrix()
            chosen = project(weights, view.budget, ties, view.targets)
            with torch.no_grad():
                judged = self.loss(aim, *self.trained(genuine, fakes, derive_seed(view.seed, "held out")))
            yield Step(chosen, float(judged))
            if step == self.steps:
                return
            loss = self.loss(aim, *self.trained(genuine, fakes, derive_seed(view.seed, "inner", step)))
            (gradient,) = torch.autograd.grad(loss, latent)
            # The targets are fixed: their gradient would only shorten the rest of the row's.
            gradient[:, aim.targets] = 0
            latent = descent.step(latent.detach(), gradient)

    def trained(self, genuine: Tensor, fakes: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Factors of the genuine users [n, dim] and of the items [n_items, dim]; the gradient of the fakes goes through
        the last epochs, unless there is none.

        Args:
            genuine: [n, n_items], 1 for a click.
            fakes: [m, n_items], 0 and 1.
            seed: of the first factors.
        """
        attached = torch.is_grad_enabled()
        optimizer, rng = Adam(lr=self.lr), torch_rng(seed, "factors", device=str(genuine.device))
        rows = torch.cat([genuine, fakes])
        confidence = 1 + (self.alpha - 1) * rows.detach()
        params = {
            name: 0.1 * torch.randn(count, self.dim, generator=rng, device=genuine.device)
            for name, count in (("users", len(rows)), ("items", rows.shape[1]))
        }
        state, trust = optimizer.init(params), torch.ones_like(rows)
        for epoch in range(self.epochs):
            with torch.set_grad_enabled(attached and epoch >= self.epochs - self.unrolled):
                users, items = params["users"], params["items"]
                scores = users @ items.T
                if epoch >= self.epochs - self.trusting:
                    kept = trusted(genuine, scores[: len(genuine)].detach())
                    trust = torch.cat([kept / kept.mean().clamp(min=1e-12), torch.ones_like(fakes)]).detach()
                errors = trust * (confidence * scores - self.alpha * rows)
                slopes = {
                    "users": (errors @ items + self.l2 * users) * (2 / len(rows)),
                    "items": (errors.T @ users + self.l2 * items) * (2 / len(rows)),
                }
                params, state = optimizer.update(params, slopes, state)
        return params["users"][: len(genuine)], params["items"]

    def loss(self, aim: Aim, users: Tensor, items: Tensor) -> Tensor:
        """The attack's loss, the mean over pairs of a user and a target, a scalar."""
        scores = users @ items.T
        others = scores.index_fill(1, aim.targets, -torch.inf)
        best = others.topk(min(self.k, scores.shape[1] - len(aim.targets)), dim=1).values
        behind = torch.sigmoid((best[:, None, :] - scores[:, aim.targets, None]) / self.width).mean(2)
        return torch.where(aim.pairs, behind, 0.0).sum() / aim.pairs.sum().clamp(min=1)


def trusted(feedback: Tensor, scores: Tensor) -> Tensor:
    """Which cells are taken for observed and unperturbed, [n, n_items] of 0 and 1, by expectation and maximization
    (section 4.2 of the paper).

    A cell is missing, and then 0, or it is observed; an observed one is as it was, N(score, WIDTH²), or perturbed,
    N(PERTURBED, WIDTH²). The prior that it is observed, and that it is as it was, is the mean of a share of its user
    and one of its item.

    Args:
        feedback: [n, n_items], 0 or 1.
        scores: [n, n_items], what the surrogate predicts.
    """

    def density(mean: Tensor | float) -> Tensor:
        distance = (feedback - mean) / WIDTH
        return (-distance.square() / 2).exp() / (WIDTH * math.sqrt(math.tau))

    own, other, clicked = density(scores), density(PERTURBED), feedback > 0
    # Priors of the users and of the items, whose mean is that of a cell.
    of_observed = of_own = (feedback.new_tensor([[PRIOR]]), feedback.new_tensor([[PRIOR]]))
    for _ in range(TURNS):
        is_observed, is_own = (torch.add(*each) / 2 for each in (of_observed, of_own))
        either = torch.lerp(other, own, is_own)
        # More likely observed than missing, which a click never is.
        observed = (clicked | (is_observed * (either + 1) > 1)).to(feedback)
        unperturbed = is_own * own / (either + 1e-12)
        before, kept = (*of_observed, *of_own), unperturbed * observed
        of_observed = observed.mean(1, keepdim=True), observed.mean(0, keepdim=True)
        of_own = (
            kept.sum(1, keepdim=True) / observed.sum(1, keepdim=True).clamp(min=1),
            kept.sum(0, keepdim=True) / observed.sum(0, keepdim=True).clamp(min=1),
        )
        if all((new - old).abs().max() < SETTLED for new, old in zip((*of_observed, *of_own), before, strict=True)):
            break
    return observed * (unperturbed > 0.5)
