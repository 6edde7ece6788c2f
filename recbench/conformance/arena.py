"""The arena: planted attacks, whose victim, genuine users and answers belong to the harness.

Nothing here can be tuned to: the data is drawn with hidden seeds, and the victim is a small model of the kit's
own, which no plugin can name. The same model is what `view.surrogate` hands out, whatever the name: an attacker
must work with any `Differentiable`, a plugin's own would drag its defaults and its cost into the verdict, and
recbench imports no plugin. Its size is the arena's too: `dim`, `epochs` and the like are the plugin's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from recbench.component import KNOWLEDGE, Fakes, Knowledge
from recbench.conformance.planted import SCALE, hidden_seed
from recbench.contracts import (
    Adam,
    AttackerView,
    Batch,
    Budget,
    Differentiable,
    Feedback,
    FitContext,
    Goal,
    ItemStatistics,
    KnowledgeViolation,
    Params,
    Problem,
    Profiles,
    Queries,
    Ranking,
    RelaxedProfiles,
    Sanitizer,
    Tables,
    Verdict,
    derive_seed,
    numpy_rng,
    torch_rng,
)
from recbench.data.feedback import binarize
from recbench.data.interactions import Histories, Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.exposure import rank_gain
from recbench.evaluation.ranking import rank
from recbench.matrix.injection import Poisoned, draw_templates, inject

N_USERS, N_ITEMS, BLOCKS = 150, 80, 5
UNRATED = 0.1
"""On the explicit track, the weight of what a user has not rated, beside 1 for a rating: dislikes can be seen."""
SIZE = 0.1
"""Fakes, as a share of the genuine users."""
FITS = 2
"""Victims, from seeds of their own, that judge an attack."""


@dataclass(frozen=True, eq=False)
class Task:
    """One planted attack.

    Args:
        train: the genuine data, with ratings.
        cold: items that hardly anyone has, in an order drawn by lot: what is pushed.
        warm: items of middling popularity: what is nuked.
        seed: of all that the harness draws.
    """

    train: Interactions
    cold: NDArray[np.int32]
    warm: NDArray[np.int32]
    seed: int

    @classmethod
    @cache
    def plant(cls, unit: int, n_users: int = N_USERS, n_items: int = N_ITEMS) -> Task:
        """Users like one block of items each, popular ones first; lengths and the blocks' sizes vary."""
        seed = hidden_seed("arena", unit, n_users, n_items)
        rng = numpy_rng(seed, "plant")
        items = rng.permutation(n_items)
        block_of = np.empty(n_items, dtype=np.int64)
        block_of[items] = np.arange(n_items) % BLOCKS
        share = 1.0 / np.arange(2, BLOCKS + 2)
        owner = rng.choice(BLOCKS, n_users, p=share / share.sum())
        cold, warm = items[-3:], items[n_items // 3 : n_items // 3 + 3]
        appeal = np.empty(n_items)
        appeal[items] = -0.7 * np.log(1 + np.arange(n_items) // BLOCKS)
        appeal[cold] -= 3.0
        keys = appeal + 2.5 * (owner[:, None] == block_of) + rng.gumbel(size=(n_users, n_items))
        lengths = np.clip(1 + rng.geometric(0.13, n_users), 2, n_items // 3)
        places = np.argsort(np.argsort(-keys, axis=1), axis=1)
        users, clicked = np.nonzero(places < lengths[:, None])
        inside = block_of[clicked] == owner[users]
        ratings = np.where(inside, rng.integers(4, 6, len(users)), rng.integers(1, 4, len(users)))
        order = rng.permutation(len(users))
        train = Interactions(
            users[order].astype(np.int32),
            clicked[order].astype(np.int32),
            n_users,
            n_items,
            ratings[order].astype(np.float32),
        )
        return cls(train, cold.astype(np.int32), warm.astype(np.int32), seed)

    def seen(self, feedback: Feedback) -> Interactions:
        """The genuine data on one track; a click is a click, whatever was thought of it."""
        return self.train if feedback == "explicit" else binarize(self.train)

    def view(
        self,
        knowledge: frozenset[Knowledge],
        feedback: Feedback = "implicit",
        goal: Goal = "push",
        n_targets: int = 1,
        size: float = SIZE,
        offered: Task | None = None,
    ) -> AttackerView:
        """What an attacker with this knowledge sees.

        Args:
            knowledge: what its component declares.
            feedback, goal: of the attack.
            n_targets: up to three.
            size: fakes, as a share of the genuine users.
            offered: where the secrets that it did not declare come from; None leaves them out.
        """
        visible = knowledge
        if "interactions" in knowledge:  # who sees them can count them
            visible |= {"statistics"}
        secrets: dict[str, Any] = {kind: _secret(kind, self, feedback) for kind in visible}
        if offered is not None:
            secrets |= {kind: _secret(kind, offered, feedback) for kind in KNOWLEDGE if kind not in visible}
        pool = self.warm if goal == "nuke" else self.cold
        return AttackerView(
            targets=pool[:n_targets],
            budget=Budget(
                self.train.user_counts[self.templates(size)],
                self.train.n_items,
                SCALE if feedback == "explicit" else None,
            ),
            goal=goal,
            feedback=feedback,
            n_items=self.train.n_items,
            seed=self.seed % 1000,
            knowledge=visible,
            secrets=secrets,
        )

    def templates(self, size: float) -> NDArray[np.int64]:
        """The genuine user whom each fake resembles in length."""
        return draw_templates(self.train, max(1, round(size * self.train.n_users)), self.seed)

    def inject(self, profiles: Profiles, feedback: Feedback) -> Poisoned:
        """The data that is trained on."""
        templates = np.zeros(len(profiles), dtype=np.int64)  # only timestamps are borrowed from them
        return inject(self.seen(feedback), profiles, templates, self.seed)

    def ranking(self, profiles: Profiles, feedback: Feedback, targets: NDArray[np.int32], fit: int = 0) -> Ranking:
        """What the victim of one seed recommends after training on the genuine data and the profiles."""
        poisoned = self.inject(profiles, feedback)
        scorer = VICTIM.fit(poisoned.data, FitContext(derive_seed(self.seed, "fit", fit)))
        audience = Audience.shuffled(poisoned.public_id, self.train.n_users, self.seed)
        return rank(scorer, audience, self.train.histories, self.train.n_items, targets, 10, self.seed)

    def gains(self, profiles: Profiles, feedback: Feedback, targets: NDArray[np.int32]) -> NDArray[np.floating[Any]]:
        """The rank gain of each target, in bits [t], over the genuine users who do not have it; a mean over victims."""
        eligible = ~self.train.contains(np.arange(self.train.n_users)[:, None], targets[None, :])
        clean = self._clean(feedback, tuple(targets.tolist()))
        attacked = [self.ranking(profiles, feedback, targets, k) for k in range(FITS)]
        pairs = zip(clean, attacked, strict=True)
        return np.asarray(np.mean([rank_gain(*pair, eligible) for pair in pairs], axis=0))

    @cache  # noqa: B019  (tasks are few, and kept by `plant`)
    def _clean(self, feedback: Feedback, targets: tuple[int, ...]) -> list[Ranking]:
        """The twins without fakes."""
        return [self.ranking(Profiles.empty(), feedback, np.array(targets, np.int32), k) for k in range(FITS)]

    def random_fakes(self, view: AttackerView) -> Profiles:
        """The control: all targets that fit, rated as the goal wants them, and fillers by lot, liked or not by lot.

        A nuke by clicks, where holding a target can only raise it, leaves the targets out.
        """
        return self._fakes(view, np.zeros(view.n_items))

    def popular_fakes(self, view: AttackerView) -> Profiles:
        """As `random_fakes`, with the most popular fillers; who is as popular as another is drawn by lot."""
        return self._fakes(view, self.train.item_counts)

    def _fakes(self, view: AttackerView, levels: NDArray[Any]) -> Profiles:
        """The targets, and fillers of the highest levels [n_items], whole numbers; equal ones are drawn by lot."""
        rng = numpy_rng(self.seed, "random-fakes")
        lots = levels + rng.random((view.budget.n_profiles, view.n_items))
        above = levels.max() + 1
        lots[:, view.targets] += -above if view.goal == "nuke" and view.budget.scale is None else above
        places = np.argsort(np.argsort(-lots, axis=1), axis=1)
        chosen = places < view.budget.sizes[:, None]
        if view.budget.scale is None:
            return Profiles.from_dense(chosen)
        ratings = rng.integers(1, 6, chosen.shape).astype(np.float64)
        ratings[:, view.targets] = view.budget.scale.low if view.goal == "nuke" else view.budget.scale.high
        return Profiles.from_dense(chosen, ratings)

    def fakes(self, kind: Fakes, rated: bool) -> Profiles:
        """Fakes of one kind that detectors are made for, with ratings or without."""
        if kind == "matched":
            return self.matched_fakes(rated)
        view = self.view(frozenset(), "explicit" if rated else "implicit")
        return self.popular_fakes(view) if kind == "popular" else self.random_fakes(view)

    def matched_fakes(self, rated: bool) -> Profiles:
        """Fakes that only company tells from genuine ones, with ratings or without.

        Each item of a genuine profile gives way to one that is about as popular, and one of them to the target.
        Lengths stay, and how popular the items are; who likes what together does not.
        """
        rng = numpy_rng(self.seed, "matched-fakes")
        place = np.argsort(np.argsort(-self.train.item_counts, kind="stable"))
        rows = self.train.ratings_csr[self.templates(SIZE)].toarray()
        fakes = np.zeros_like(rows)
        for fake, row in zip(fakes, rows, strict=True):
            for item in rng.permutation(np.flatnonzero(row)):
                distance = np.abs(place - place[item]) + rng.uniform(0, 2 * BLOCKS, len(place))
                fake[np.argmin(np.where(fake > 0, np.inf, distance))] = row[item]
            fake[rng.choice(np.flatnonzero(fake))] = 0
            fake[self.cold[0]] = SCALE.high
        return Profiles.from_dense(fakes > 0, fakes if rated else None)


@dataclass(frozen=True)
class Factors(Differentiable):
    """Matrix factorization by Adam on the squared error of the whole matrix. Every click, there or not, weighs the
    same, so that adding and removing one are equally visible to a gradient; ratings are put between -1 and 1, and
    what is not rated is a light 0.
    """

    dim: int = 6
    lr: float = 0.25
    epochs: int = 12

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> Problem:
        return _FactorsProblem(self, train, ctx.device, fakes)


class _FactorsProblem(Problem):
    perturbable = frozenset({"users", "items"})

    def __init__(self, model: Factors, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        held = torch.tensor(train.csr.toarray(), device=device)
        if fakes is not None:
            held = torch.cat([held, fakes.matrix().to(held)])
        rows, weights = held, torch.ones_like(held)
        if train.ratings is not None:
            ratings = torch.tensor(train.ratings_csr.toarray(), device=device)
            if fakes is not None:
                assert fakes.ratings is not None
                given = replace(fakes, weights=fakes.weights * fakes.ratings)
                ratings = torch.cat([ratings, given.matrix().to(held)])
            middle, half = (SCALE.high + SCALE.low) / 2, (SCALE.high - SCALE.low) / 2
            rows, weights = (ratings - middle * held) / half, UNRATED + (1 - UNRATED) * held
        self.rows, self.weights = rows, weights
        self.model = model
        self.device = device
        self.n_users, self.n_items = rows.shape
        self.optimizer = Adam(model.lr)
        self.epochs = model.epochs

    def init(self, seed: int) -> Params:
        def normal(name: str, rows: int) -> Tensor:
            rng = torch_rng(seed, name, device=self.device)
            return 0.3 * torch.randn(rows, self.model.dim, generator=rng, device=self.device)

        return {"users": normal("users", self.n_users), "items": normal("items", self.n_items)}

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield Batch(torch.arange(self.n_users, device=self.device), seed)

    def encode(self, params: Params) -> Tables:
        return {**params, "rows": self.rows, "weights": self.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        errors: Tensor = (tables["weights"] * (tables["rows"] - tables["users"] @ tables["items"].T) ** 2).sum(1)
        return errors[batch.users]

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["users"][users] @ tables["items"].T


VICTIM = Factors()


@dataclass(frozen=True)
class KeepsEveryone(Sanitizer):
    """The defense that an adaptive attacker of the arena faces where nothing else is said."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(np.zeros(train.n_users), np.ones(train.n_users, dtype=np.bool_))


@dataclass(frozen=True, eq=False)
class KnowsProfiles(Sanitizer):
    """A defense that removes whoever resembles some profiles: who shares more than half of the items with one."""

    known: Profiles

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return self.judge(train.csr)

    def judge(self, rows: sp.csr_matrix) -> Verdict:
        """The largest share of its items that each row [n, n_items] has in common with a profile of any length."""
        known = matrix(self.known, rows.shape[1])
        shared = (rows @ known.T).toarray()
        longer = np.maximum(rows.sum(axis=1), known.sum(axis=1).T)
        suspicion = np.asarray(shared / np.maximum(longer, 1)).max(axis=1)
        return Verdict(suspicion, suspicion <= 0.5)


def matrix(profiles: Profiles, n_items: int) -> sp.csr_matrix:
    """Who holds what, float32 [m, n_items]."""
    held = np.ones(len(profiles.items), dtype=np.float32)
    return sp.csr_matrix((held, profiles.items, profiles.indptr), shape=(len(profiles), n_items))


def _secret(kind: Knowledge, task: Task, feedback: Feedback) -> Any:
    train = task.seen(feedback)
    if kind == "statistics":
        return ItemStatistics.of(train)
    if kind == "interactions":
        return train
    if kind == "surrogate":
        return lambda name, **params: VICTIM
    if kind == "queries":
        return Queries(lambda profiles: _lists(task, profiles, feedback), task.train.n_users, 20, 10_000)
    if kind == "victim":
        return VICTIM.fit(train, FitContext(task.seed))
    return KeepsEveryone()


def _lists(task: Task, profiles: Profiles, feedback: Feedback) -> Any:
    top = task.ranking(profiles, feedback, task.cold[:0]).top

    def shown(users: NDArray[np.integer] | Histories, k: int) -> NDArray[np.int32]:
        if isinstance(users, Histories):
            raise KnowledgeViolation("the arena's victim answers for users, not for histories")
        return top[users, :k]

    return shown
