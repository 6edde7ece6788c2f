"""A poison model: the fakes click what a recommender that already recommends the targets would give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from recbench.contracts import (
    AttackerView,
    Batch,
    Budget,
    Params,
    PoisoningAttacker,
    Problem,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    derive_seed,
    mean_loss,
    optimize,
    option,
    torch_rng,
)
from recbench_plugins.attackers.gradient.gradient_passing import GradientPassing
from recbench_plugins.attackers.heuristic.assembly import assemble
from recbench_plugins.attackers.objectives import Aim


@dataclass(frozen=True)
class DPA2DL(PoisoningAttacker):
    """Profiles read off a poison model (Huang, Mu, Gong, Li, Liu, Xu, "Data poisoning attacks to deep learning based
    recommender systems", NDSS 2021, section IV). Push on implicit feedback.

    A surrogate is trained on the genuine users, the finished fakes, and the next fakes v with the targets alone; then
    on the sum, with y_u the softmax of a user's scores in units of their deviation, of its own loss and

        weight · ( mean over v of |y_v|² beside the targets
                   + eta · mean over users u and targets t of max(log y_u(K) - log y_ut, -kappa) ),

    u(K) being the K-th best item that u does not have. Each v then takes the items of the largest y_vi p_i, and p_i
    falls to `decay` p_i for those taken; once every p_i is below 1 all are 1 again. No gradient is taken in a profile.
    The poison model is the one of the epoch after which the targets rank best.

    Departures: any differentiable surrogate in place of NeuMF, whose sigmoid is an exponential function too where it
    is small, but one that assumes a scale of the scores; several fakes at once instead of one; means where the paper
    has sums, so that `weight` and `eta` do not depend on the size of the data. Knowledge: `interactions` and a
    surrogate.

    On ml-100k at 3% it gains .98 bits of rank on bpr-mf (2 units), without the attack's loss .09.

    Args:
        surrogate: a differentiable recommender, by name.
        dim, epochs: its size, and its training before it is poisoned.
        rounds: epochs of poisoned training.
        weight: of the attack beside the surrogate's loss; at 0 the fakes click what a clean model gives them.
        eta, kappa, k: see above.
        decay: what is left of an item's chance after each profile that holds it; 1 lets all profiles be alike.
        groups: the profiles are made in so many groups, each on a surrogate that knows those before.
        sampled: users a step whose lists the attack's loss looks at.
        passing: train the surrogate, before it is poisoned, with gradients passed along interactions, which may take
            fewer `epochs` but makes them longer; see `GradientPassing` for what that was seen to be worth.
    """

    surrogate: str = "bpr-mf"
    dim: PositiveInt = 32
    epochs: PositiveInt = 20
    rounds: PositiveInt = 5
    weight: NonNegativeFloat = 0.01
    eta: NonNegativeFloat = 100.0
    kappa: NonNegativeFloat = 1.0
    k: PositiveInt = 10
    decay: Annotated[float, Field(gt=0, le=1)] = 0.9
    groups: PositiveInt = 4
    sampled: PositiveInt = 512
    passing: bool = option(False)

    def craft(self, view: AttackerView) -> Profiles:
        if view.feedback == "explicit":
            raise RecbenchError("dpa2dl writes clicks, not ratings; run it on the implicit track")
        if view.goal != "push":
            raise RecbenchError(f"dpa2dl promotes its targets; it cannot {view.goal}")
        finished = Profiles.empty()
        chances = np.ones(view.n_items)
        for group, rows in enumerate(np.array_split(np.arange(view.budget.n_profiles), self.groups)):
            if not len(rows):
                continue
            budget = Budget(view.budget.sizes[rows], view.n_items)
            likings = self.likings(view, finished, len(rows), group)
            taken, chances = take(likings, budget.sizes - len(view.targets), view.targets, chances, self.decay)
            part = replace(view, budget=budget, seed=derive_seed(view.seed, "group", group))
            finished = joined(finished, assemble(part, taken.__getitem__))
        return finished

    def likings(self, view: AttackerView, finished: Profiles, count: int, group: int = 0) -> NDArray[np.float64]:
        """What the poison model predicts for `count` new fakes, in [0, 1]; [count, n_items]."""
        problem, params = self.poison_model(view, finished, count, group)
        with torch.no_grad():
            logs = _log_likings(problem.scores(problem.encode(params), _new(problem, count)))
        return np.asarray(logs.exp().double().cpu())

    def poison_model(
        self, view: AttackerView, finished: Profiles, count: int, group: int = 0
    ) -> tuple[Problem, Params]:
        """The surrogate trained to recommend the targets, beside its own loss; `count` new fakes are its last users.

        They hold all targets here, even those whose profiles will have no room for all.
        """
        targets = Profiles(np.arange(count + 1) * len(view.targets), np.tile(view.targets, count))
        fakes = RelaxedProfiles.of(joined(finished, targets), view.n_items, view.device)
        ctx = view.context("surrogate", group)
        clean = view.surrogate(self.surrogate, dim=self.dim, epochs=self.epochs).problem(view.observed, ctx, fakes)
        if self.passing:
            clean = GradientPassing(clean, view.observed, fakes)
        start = optimize(clean, ctx)
        problem = view.surrogate(self.surrogate, dim=self.dim, epochs=self.rounds).problem(view.observed, ctx, fakes)
        aim = Aim.of(view, "log-rank")
        judged: list[tuple[float, Params]] = []

        def judge(epoch: int, params: Params) -> None:
            with torch.no_grad():
                loss = float(aim.loss(problem, problem.encode(params)))
            if not judged or loss < judged[-1][0]:
                judged[:] = [(loss, {name: value.detach().clone() for name, value in params.items()})]

        optimize(problem, ctx, self._poisoned(view, aim, count), start, judge)
        return problem, judged[0][1]

    def _poisoned(self, view: AttackerView, aim: Aim, count: int) -> Callable[[Problem, Params, Batch], Tensor]:
        """The loss of a step of the poison model's training."""
        held = view.observed.csr

        def loss(problem: Problem, params: Params, batch: Batch) -> Tensor:
            users = torch.randperm(len(aim.pairs), generator=torch_rng(batch.seed, "attacked"), device="cpu")[
                : self.sampled
            ]
            consumed = torch.tensor(held[users.numpy()].toarray(), device=problem.device) > 0
            users = users.to(problem.device)
            tables = problem.encode(params)
            logs = _log_likings(problem.scores(tables, users))
            others = logs.masked_fill(consumed, -torch.inf).index_fill(1, aim.targets, -torch.inf)
            rivals = others.topk(min(self.k, view.n_items), dim=1).values[:, -1:]
            margins = (rivals - logs[:, aim.targets]).clamp(min=-self.kappa)
            pairs = aim.pairs[users]
            # A user with fewer than K items left has no K-th one.
            pairs = pairs & torch.isfinite(rivals)
            margin = torch.where(pairs, margins, 0.0).sum() / pairs.sum().clamp(min=1)
            own = _log_likings(problem.scores(tables, _new(problem, count))).exp().index_fill(1, aim.targets, 0.0)
            attack = (own**2).sum(1).mean() + self.eta * margin
            return mean_loss(problem, params, batch) + self.weight * attack

        return loss


def take(
    likings: NDArray[np.float64],
    wanted: NDArray[np.int64],
    targets: NDArray[np.integer],
    chances: NDArray[np.float64],
    decay: float,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The fillers of every new profile, bool [count, n_items], and the chances that are left.

    Args:
        likings: [count, n_items], positive.
        wanted: how many fillers each profile takes.
        targets: no fillers.
        chances: [n_items], in (0, 1].
        decay: what a chance falls to where an item is taken.
    """
    taken = np.zeros(likings.shape, np.bool_)
    chances = chances.copy()
    free = np.ones(len(chances), np.bool_)
    free[targets] = False
    # One profile after the other: what one takes, the next is less likely to.
    for row, liked, count in zip(taken, likings, np.clip(wanted, 0, free.sum()), strict=True):
        if not count:
            continue
        keys = np.where(free, liked * chances, -1.0)
        row[np.argpartition(keys, len(keys) - count)[len(keys) - count :]] = True
        chances[row] *= decay
        if (chances[free] < 1).all():
            chances[:] = 1.0
    return taken, chances


def joined(first: Profiles, second: Profiles) -> Profiles:
    """Both, one after the other; neither has ratings."""
    indptr = np.concatenate([first.indptr, first.indptr[-1] + second.indptr[1:]])
    return Profiles(indptr, np.concatenate([first.items, second.items]))


def _log_likings(scores: Tensor) -> Tensor:
    """log y, [b, n_items]; the unit is a constant of the derivative."""
    return torch.log_softmax(scores / (scores.detach().std(dim=1, keepdim=True) + 1e-12), dim=1)


def _new(problem: Problem, count: int) -> Tensor:
    return torch.arange(problem.n_users - count, problem.n_users, device=problem.device)
