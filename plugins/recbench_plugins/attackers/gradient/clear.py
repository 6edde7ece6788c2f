"""CLeaR: fakes that click what a surrogate would give them once its rows are spread and the targets promoted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
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
    optimize,
    project,
    torch_rng,
)
from recbench_plugins.attackers.gradient.unrolled_gradient import genuine_rows
from recbench_plugins.attackers.objectives import Aim


@dataclass(frozen=True)
class CLeaR(PoisoningAttacker):
    """CLeaR (Wang, Yu, Gao, Yin, Cui, Sadiq, "Unveiling vulnerabilities of contrastive recommender systems to poisoning
    attacks", KDD 2024). Push on implicit feedback.

    A contrastive loss spreads the rows of users and items over all directions, which brings unpopular items among the
    others. The attack spreads them further and promotes the targets: it repeats

        train the surrogate on genuine users and fakes;
        let a copy's parameters take a few steps down  promotion · L_rank + dispersion · L_disp;
        let the fakes click what the copy scores highest for them, beside the targets;

    where L_rank is the mean over users u and targets t of s_uj - s_ut, j the k-th best item that u does not have, and

        L_disp = mean |H r r'| / |r|²,   r = H'H r0,   r0 ~ N(0, I),

    is how much of the rows H lies along their leading direction (one power iteration). The last round is the attack:
    the surrogate has been trained longer in each round, which moves the targets' ranks in it by more than the profiles
    do, so that it cannot tell which round is the best. No gradient is taken in a profile.

    Departures: fakes start as rows of genuine users, where the paper has random items: a surrogate that fits its fakes
    gives them much the same items again, and random ones survived all rounds. A step moves each table by a share of its
    length, since Adam's first steps move every number alike, whatever its gradient. H has a mean squared row length of
    1, because shorter rows lower the loss too, and its rows are sampled. Targets are within the budget, and the
    surrogate trains on what the fakes click; in the released code targets come on top and only the graph changes. The
    surrogate is the attack's own, where the released code has the victim. Knowledge: `interactions` and a surrogate.

    Args:
        surrogate: a differentiable recommender with rows of users and items, by name.
        dim, epochs: its size, and its training before the first round.
        rounds: see above.
        retraining: epochs of the surrogate after each round, from where it was.
        attack_steps: of the copy in a round; without any the fakes click what the surrogate gives them.
        promotion, dispersion: weights of the two losses; 1 in the released code.
        k: length of the list at whose end the rival is; 50 in the released code.
        step: how far a step moves each table, as a share of its length.
        sampled: users, and rows of H, that a step looks at.
    """

    surrogate: str = "simgcl"
    dim: PositiveInt = 32
    epochs: PositiveInt = 20
    rounds: NonNegativeInt = 5
    retraining: PositiveInt = 6
    attack_steps: NonNegativeInt = 2
    promotion: NonNegativeFloat = 1.0
    dispersion: NonNegativeFloat = 1.0
    k: PositiveInt = 50
    step: PositiveFloat = 0.05
    sampled: PositiveInt = 4096

    def craft(self, view: AttackerView) -> Profiles:
        *_, last = self.play(view)
        return last

    def play(self, view: AttackerView) -> Iterator[Profiles]:
        """The start and the profiles of every round."""
        if view.feedback == "explicit":
            raise RecbenchError("clear writes clicks, not ratings; run it on the implicit track")
        if view.goal != "push" or not len(view.targets):
            raise RecbenchError(f"clear promotes its targets; it cannot {view.goal}")
        aim = Aim.of(view, "log-rank")
        fakes = view.observed.n_users + torch.arange(view.budget.n_profiles, device=view.device)
        scores = genuine_rows(view.observed, view.budget.sizes, view.seed, view.device)
        params = None
        for number in range(self.rounds + 1):
            ties = derive_seed(view.seed, "ties", number)
            profiles = project(RelaxedProfiles.dense(scores), view.budget, ties, always=view.targets)
            yield profiles
            if number == self.rounds:
                return
            epochs = self.retraining if number else self.epochs
            context = view.context("surrogate", number)
            problem = view.surrogate(self.surrogate, dim=self.dim, epochs=epochs).problem(
                view.observed, context, RelaxedProfiles.of(profiles, view.n_items, view.device)
            )
            params = optimize(problem, context, start=params)
            attacked = self.attacked(view, aim, problem, params, derive_seed(view.seed, "attack", number))
            with torch.no_grad():
                scores = problem.scores(problem.encode(attacked), fakes)

    def attacked(self, view: AttackerView, aim: Aim, problem: Problem, params: Params, seed: int) -> Params:
        """Parameters after the attack's own steps from `params`."""
        for step in range(self.attack_steps):
            params = {name: value.detach().requires_grad_() for name, value in params.items()}
            rng = torch_rng(seed, step)
            users = torch.randperm(view.observed.n_users, generator=rng, device="cpu")[: self.sampled]
            consumed = torch.tensor(view.observed.csr[users.numpy()].toarray(), device=problem.device) > 0
            users = users.to(problem.device)
            tables = problem.encode(params)
            if not {"users", "items"} <= tables.keys():
                raise RecbenchError(
                    f"clear spreads rows of users and items, and '{self.surrogate}' has none; name another surrogate"
                )
            rows = torch.cat([tables["users"], tables["items"]])
            drawn = torch.randperm(len(rows), generator=rng, device="cpu")[: self.sampled]
            start = torch.randn(rows.shape[1], generator=rng, device="cpu").to(rows)
            loss = self.promotion * rank_loss(
                problem.scores(tables, users), consumed, aim.pairs[users], aim.targets, self.k
            ) + self.dispersion * dispersion_loss(rows[drawn.to(problem.device)], start)
            gradients = torch.autograd.grad(loss, list(params.values()), allow_unused=True, materialize_grads=True)
            params = {
                name: value - self.step * value.norm() * gradient / (gradient.norm() + 1e-12)
                for (name, value), gradient in zip(params.items(), gradients, strict=True)
            }
        return {name: value.detach() for name, value in params.items()}


def rank_loss(scores: Tensor, consumed: Tensor, pairs: Tensor, targets: Tensor, k: int) -> Tensor:
    """The mean over `pairs` of how far the `k`-th best score is above a target's, a scalar.

    Args:
        scores: [b, n_items].
        consumed: bool [b, n_items], what each user has: with the targets, no rivals.
        pairs: bool [b, t], who is to be given which target; a user with fewer than `k` rivals is left out.
        targets: int64 [t].
        k: length of the list.
    """
    others = scores.masked_fill(consumed, -torch.inf).index_fill(1, targets, -torch.inf)
    rivals = others.topk(min(k, scores.shape[1]), dim=1).values[:, -1:]
    pairs = pairs & torch.isfinite(rivals)
    return torch.where(pairs, rivals - scores[:, targets], 0.0).sum() / pairs.sum().clamp(min=1)


def dispersion_loss(rows: Tensor, start: Tensor) -> Tensor:
    """The mean absolute entry of the rows' part along their leading direction, a scalar; differentiated through the
    power iteration, as in the released code.

    Args:
        rows: H, [n, d]; scaled to a mean squared length of 1.
        start: r0, [d].
    """
    rows = rows / (rows.square().sum(1).mean().sqrt() + 1e-12)
    leading = rows.T @ (rows @ start)
    along = torch.outer(rows @ leading, leading) / (leading @ leading + 1e-12)
    return along.abs().mean()
