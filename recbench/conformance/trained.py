"""A planted victim that is trained already, for attacks on what it reads and on its tables.

As in the arena, the data is drawn with hidden seeds and the victim is the kit's own. It reads, it is differentiable and
its scores are a function of embedded histories: everything that such an attack can ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.component import Component, Feedback, Goal
from recbench.conformance.arena import Task
from recbench.conformance.planted import SCALE
from recbench.contracts import (
    Adam,
    AttackerView,
    Batch,
    Budget,
    Differentiable,
    EvasionAttacker,
    FitContext,
    FittedProblem,
    ItemStatistics,
    ParameterAttacker,
    Params,
    Problem,
    RelaxedProfiles,
    RuleViolation,
    Scorer,
    Tables,
    numpy_rng,
    torch_rng,
)
from recbench.contracts.perturbation import Ball, Insertions
from recbench.data.interactions import Histories, Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.exposure import rank_gain
from recbench.evaluation.ranking import rank
from recbench.matrix.perturb import Reader, queries_of

ADDED, RADIUS = 2, 0.2
"""What an attack may spend: items a history, or a share of each row's length."""


@dataclass(frozen=True)
class Recent(Differentiable):
    """Scores by the mean of what was read, the latest first: each step back counts `fading` times as much."""

    dim: int = 8
    fading: float = 0.8
    lr: float = 0.05
    epochs: int = 30

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> RecentProblem:
        return RecentProblem(self, train, ctx.device)


class RecentProblem(Problem):
    perturbable = frozenset({"items", "heads"})

    def __init__(self, model: Recent, train: Interactions, device: str) -> None:
        self.model, self.device = model, device
        self.n_users, self.n_items = train.n_users, train.n_items
        self.optimizer, self.epochs = Adam(model.lr), model.epochs
        self.held = torch.tensor(train.csr.toarray(), device=device)
        self.items, self.mask = self._padded(train.histories)

    def _padded(self, histories: Histories) -> tuple[Tensor, Tensor]:
        """The items of histories [b, length], padded at the left, and where they are."""
        back = np.arange(int(histories.lengths.max(initial=1)), 0, -1)
        mask = back <= histories.lengths[:, None]
        items = np.append(histories.items, 0)[np.where(mask, histories.indptr[1:, None] - back, len(histories.items))]
        return torch.tensor(items, dtype=torch.int64, device=self.device), torch.tensor(mask, device=self.device)

    def init(self, seed: int) -> Params:
        def normal(name: str) -> Tensor:
            rng = torch_rng(seed, name, device=self.device)
            return 0.3 * torch.randn(self.n_items, self.model.dim, generator=rng, device=self.device)

        return {"items": normal("items"), "heads": normal("heads")}

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield Batch(torch.arange(self.n_users, device=self.device), seed)

    def encode(self, params: Params) -> Tables:
        return params

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        return ((self.held[batch.users] - self.scores(tables, batch.users)) ** 2).sum(1)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return self.scores_embedded(tables, tables["items"][self.items[users]], self.mask[users])

    def embed(self, tables: Tables, histories: Histories) -> tuple[Tensor, Tensor]:
        items, mask = self._padded(histories)
        return tables["items"][items], mask

    def scores_embedded(self, tables: Tables, embedded: Tensor, mask: Tensor) -> Tensor:
        age = torch.arange(mask.shape[1] - 1, -1, -1, device=self.device)
        weights = mask * self.model.fading**age
        state = (weights[:, :, None] * embedded).sum(1) / weights.sum(1, keepdim=True).clamp(min=1e-6)
        return state @ tables["heads"].T

    def finish(self, params: Params) -> RecentScorer:
        return RecentScorer(self, {name: table.detach() for name, table in params.items()})


@dataclass(frozen=True, eq=False)
class RecentScorer(FittedProblem):
    problem: RecentProblem

    def score_histories(self, histories: Histories) -> Tensor:
        """Scores of the next item, [len(histories), n_items]."""
        with torch.no_grad():
            return self.problem.scores_embedded(self.tables, *self.problem.embed(self.tables, histories))


@dataclass(frozen=True, eq=False)
class Trained:
    """A victim, the data that it was trained on, and what an attack on it may want.

    Args:
        train: clicks.
        scorer: trained on them.
        pushed, nuked: targets.
    """

    train: Interactions
    scorer: RecentScorer
    pushed: NDArray[np.int32]
    nuked: NDArray[np.int32]

    @classmethod
    @cache
    def plant(cls, unit: int) -> Trained:
        """The data of the arena's task of that number."""
        task = Task.plant(unit)
        return cls.on(task.seen("implicit"), task.cold, task.warm, task.seed)

    @classmethod
    def on(
        cls, train: Interactions, pushed: NDArray[np.int32], nuked: NDArray[np.int32], seed: int, device: str = "cpu"
    ) -> Trained:
        scorer = Recent().fit(train, FitContext(seed, device=device))
        assert isinstance(scorer, RecentScorer)
        return cls(train, scorer, pushed, nuked)

    def view(
        self, component: Component, budget: Budget, goal: Goal, feedback: Feedback, seed: int, scorer: RecentScorer
    ) -> AttackerView:
        """What an attack with the component's knowledge sees."""
        knowledge = component.knowledge
        if "interactions" in knowledge:
            knowledge |= {"statistics"}
        secrets: dict[str, Any] = {
            "statistics": ItemStatistics.of(self.train),
            "interactions": self.train,
            "queries": queries_of(scorer, self.train),
            "victim": scorer,
        }
        return AttackerView(
            targets=self.nuked if goal == "nuke" else self.pushed,
            budget=budget,
            goal=goal,
            feedback=feedback,
            n_items=self.train.n_items,
            seed=seed,
            knowledge=knowledge,
            device=scorer.problem.device,
            secrets={kind: secret for kind, secret in secrets.items() if kind in knowledge},
        )

    def attacked(
        self,
        attacker: EvasionAttacker | ParameterAttacker,
        component: Component,
        goal: Goal,
        feedback: Feedback,
        seed: int,
    ) -> Histories | Tables:
        """What the attack makes of the histories or the tables; not held against the budget."""
        budget = self._budget(attacker, goal, feedback)
        if isinstance(attacker, EvasionAttacker):
            view = self.view(component, budget, goal, feedback, seed, self.scorer)
            return attacker.perturb(view, self.train.histories)
        own = {name: table.clone() for name, table in self.scorer.tables.items()}
        view = self.view(component, budget, goal, feedback, seed, replace(self.scorer, tables=own))
        return attacker.perturb(view, self.scorer.problem, own)

    def hold(
        self,
        attacker: EvasionAttacker | ParameterAttacker,
        changed: Histories | Tables,
        goal: Goal,
        feedback: Feedback,
    ) -> None:
        """Hold what an attack has made against its budget.

        Raises:
            RuleViolation: it is over the budget, or no such thing.
        """
        budget = self._budget(attacker, goal, feedback)
        if isinstance(budget, Ball):
            assert not isinstance(changed, Histories)
            budget.check(self.scorer.problem.perturbable, self.scorer.tables, changed)
        elif isinstance(changed, Histories):
            budget.check(self.train.histories, changed)
        else:
            raise RuleViolation(f"perturb returned {type(changed).__name__}; expected Histories")

    def _budget(
        self, attacker: EvasionAttacker | ParameterAttacker, goal: Goal, feedback: Feedback
    ) -> Insertions | Ball:
        n_items, scale = self.train.n_items, SCALE if feedback == "explicit" else None
        if isinstance(attacker, ParameterAttacker):
            return Ball(np.zeros(0, np.int64), n_items, scale, radius=RADIUS)
        targets = self.nuked if goal == "nuke" else self.pushed
        return Insertions(np.full(self.train.n_users, ADDED), n_items, scale, banned=targets)

    def gain(self, changed: Histories | Tables, goal: Goal) -> float:
        """Bits by which the targets go where the goal wants them, the mean over users and targets."""
        scorer: Scorer = replace(self.scorer, tables=changed) if not isinstance(changed, Histories) else self.scorer
        attacked = Reader(self.scorer, changed) if isinstance(changed, Histories) else scorer
        targets = self.nuked if goal == "nuke" else self.pushed
        users = np.arange(self.train.n_users)
        eligible = ~self.train.contains(users[:, None], targets[None, :])
        everybody = Audience(users, users)
        before, after = (
            rank(each, everybody, self.train.histories, self.train.n_items, targets, 10, 0)
            for each in (self.scorer, attacked)
        )
        rise = float(np.mean(rank_gain(before, after, eligible)))
        return -rise if goal == "nuke" else rise

    def random(self, attacker: EvasionAttacker | ParameterAttacker, seed: int) -> Histories | Tables:
        """A change of the size of the budget, by lot."""
        rng = numpy_rng(seed, "random-change")
        if isinstance(attacker, EvasionAttacker):
            histories, lists = self.train.histories, []
            for k in range(len(histories)):
                banned = np.concatenate([histories[k], self.pushed, self.nuked])
                free = np.setdiff1d(np.arange(self.train.n_items), banned)
                lists.append(np.append(histories[k], rng.choice(free, ADDED, replace=False)).astype(np.int32))
            return Histories(np.cumsum([0, *map(len, lists)]), np.concatenate(lists))
        ball, moved = Ball(np.zeros(0, np.int64), self.train.n_items, radius=RADIUS), {}
        for name, table in self.scorer.tables.items():
            change = torch.tensor(rng.standard_normal(table.shape), dtype=table.dtype)
            moved[name] = ball.project(table, table + 100 * change)
        return moved
