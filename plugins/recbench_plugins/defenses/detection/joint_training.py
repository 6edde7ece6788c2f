"""A detector that is trained jointly with the recommender whose users it judges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    Params,
    Problem,
    Protected,
    RecbenchError,
    Recommender,
    RobustTraining,
    Scorer,
    Tables,
    derive_seed,
    numpy_rng,
    optimize,
)
from recbench.data import Interactions
from recbench_plugins.defenses.detection.degree_sad import appended, popularity_features, simulate
from recbench_plugins.defenses.detection.neural_forest import NeuralForest

LEAST = 0.05
"""The least weight of a user: if weights could vanish, the recommendation loss would be lowest with nobody left."""
ERROR_FEATURES = 2
POPULARITY_FEATURES = 3


@dataclass(frozen=True)
class JointTraining(RobustTraining, ABC):
    """Recommender and detector, each of which reads the other: what they have in common.

    The detector reads a user's embedding, how popular the user's items are, and how badly the recommender explains the
    user; the recommendation loss of a user counts as much as the detector believes in the user.

    Args:
        balance: λ, weight of the detection loss.
        warmup: epochs before the detector's beliefs count.
        trees, depth, hidden: of the forest.
    """

    balance: PositiveFloat = 5.0
    warmup: NonNegativeInt = 3
    trees: PositiveInt = 20
    depth: Annotated[int, Field(ge=1, le=10)] = 4
    hidden: PositiveInt = 64

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        """Train both.

        Raises:
            RecbenchError: the recommender has no embeddings of users.
        """
        assert isinstance(recommender, Differentiable)  # the component requires it
        data, fake = labelled(train, ctx)
        inner = recommender.problem(data, ctx)
        if "users" not in inner.perturbable:
            raise RecbenchError(
                f"{type(recommender).__name__} has no table of users, which a joint detector reads; "
                "take a factorization or a graph model"
            )
        problem = JointProblem(inner, data, self.trees, self.depth, self.hidden, derive_seed(ctx.seed, "forest"))
        made = torch.tensor(fake, device=ctx.device)
        known = Labels(self.believed(made.float()), made)
        done, draws = 0, derive_seed(ctx.seed, "errors")

        def step(_: Problem, params: Params, batch: Batch) -> Tensor:
            return self.step(problem, params, batch, known, trusted=done >= self.warmup)

        def advance(epoch: int, params: Params) -> None:
            nonlocal done
            done = epoch + 1
            problem.measure(params, draws)
            if done >= self.warmup:
                self.revise(problem, params, known, done)

        params = optimize(problem, ctx, step, on_epoch=advance)
        # Early stopping goes back to the best epoch, and so do the errors that the detector reads.
        problem.measure(params, draws)
        with torch.no_grad():
            everyone = torch.arange(train.n_users, device=ctx.device)
            suspicion = problem.fake(problem.encode(params), everyone)
        return Protected(problem.finish(params), suspicion.double().cpu().numpy())

    def step(self, problem: JointProblem, params: Params, batch: Batch, known: Labels, trusted: bool) -> Tensor:
        """The loss of one training step: weighted recommendation and detection."""
        tables = problem.encode(params)
        losses = problem.losses(tables, batch)
        users, place = batch.users.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        fake = problem.fake(tables, users).clamp(1e-4, 1 - 1e-4)
        weights = (1 - fake).clamp(min=LEAST) if trusted else torch.ones_like(fake)
        weights = torch.where(known.made[users], LEAST, weights)[place]
        losses = losses * (weights / weights.mean())
        detection = self.detection(fake, known, users).mean()
        return losses.mean() + self.balance * detection + problem.penalty(params, batch)

    @abstractmethod
    def detection(self, fake: Tensor, known: Labels, users: Tensor) -> Tensor:
        """The detection loss of each of `users` [b], of whom the detector says `fake` [b]."""

    def believed(self, labels: Tensor) -> Tensor:
        """What is known of every user at first, from the labels [n]."""
        return labels

    def revise(self, problem: JointProblem, params: Params, known: Labels, done: int) -> None:
        """Change what is known after an epoch; by default labels stay."""
        return


@dataclass(eq=False)
class Labels:
    """What is known of every user.

    Args:
        fake: float [n], 1 for a fake; between 0 and 1 where it is a belief.
        made: bool [n], labelled fake. They weigh least whatever the detector says: they would push their targets.
    """

    fake: Tensor
    made: Tensor


class JointProblem(Problem):
    """The recommender's problem with the parameters of a detector beside its own."""

    def __init__(self, inner: Problem, data: Interactions, trees: int, depth: int, hidden: int, seed: int) -> None:
        self.inner = inner
        self.n_users, self.n_items, self.device = inner.n_users, inner.n_items, inner.device
        self.optimizer, self.epochs, self.early_stopping = inner.optimizer, inner.epochs, inner.early_stopping
        width = inner.encode(inner.init(seed))["users"].shape[1]
        self.forest = NeuralForest(width + ERROR_FEATURES + POPULARITY_FEATURES, hidden, trees, depth)
        self.seen = self.forest.seen(seed, self.device)
        self.popularity = _standard(torch.tensor(np.log1p(popularity_features(data)), device=self.device).float())
        self.counts = torch.tensor(data.user_counts, device=self.device).clamp(min=1)
        self.errors = torch.zeros(self.n_users, ERROR_FEATURES, device=self.device)

    def init(self, seed: int) -> Params:
        detector = self.forest.init(derive_seed(seed, "detector"), self.device)
        return {**self.inner.init(seed), **{f"detector.{name}": value for name, value in detector.items()}}

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        return self.inner.batches(seed, epoch)

    def encode(self, params: Params) -> Tables:
        detector = {name: value for name, value in params.items() if name.startswith("detector.")}
        return {**self.inner.encode(_without(params)), **detector}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        return self.inner.losses(tables, batch)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        return self.inner.penalty(_without(params), batch)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return self.inner.scores(tables, users)

    def finish(self, params: Params) -> Scorer:
        return self.inner.finish(_without(params))

    def fake(self, tables: Tables, users: Tensor) -> Tensor:
        """The detector's probability [b] that each of `users` is fake.

        The embedding is read and not moved: labels would bend the embeddings of the labelled and teach nothing of
        others.
        """
        table = tables["users"].detach()
        embedded = table[users] / table.norm(dim=1).mean().clamp(min=1e-12) * table.shape[1] ** 0.5
        features = torch.cat([embedded, self.errors[users], self.popularity[users]], dim=1)
        detector = {name.removeprefix("detector."): tables[name] for name in tables if name.startswith("detector.")}
        return self.forest.probability(detector, self.seen, features)

    def measure(self, params: Params, seed: int) -> None:
        """How badly the recommender explains each user: the mean loss, and that per interaction."""
        total, count = (torch.zeros(self.n_users, device=self.device) for _ in range(2))
        with torch.no_grad():
            tables = self.encode(params)
            for batch in self.batches(seed, 0):
                losses = self.losses(tables, batch)
                total.index_add_(0, batch.users, losses.to(total))
                count.index_add_(0, batch.users, torch.ones_like(total[batch.users]))
        mean = total / count.clamp(min=1)
        self.errors = _standard(torch.stack([mean, mean / self.counts], dim=1))


def labelled(train: Interactions, ctx: FitContext) -> tuple[Interactions, NDArray[np.bool_]]:
    """The data and, after its users, fakes, and who of them is one: `ctx.examples`, or what the detector simulates.

    The users as given pass for genuine. On an explicit track simulated ones rate by lot, as ratings go.
    """
    fakes = simulate(train, derive_seed(ctx.seed, "simulation")) if ctx.examples is None else ctx.examples
    data = appended(train, fakes)
    if train.ratings is not None:
        lots = numpy_rng(ctx.seed, "ratings").choice(train.ratings, len(fakes.items))
        data = replace(data, ratings=np.concatenate([train.ratings, lots if fakes.ratings is None else fakes.ratings]))
    return data, np.arange(data.n_users) >= train.n_users


def _standard(columns: Tensor) -> Tensor:
    """Columns with mean 0 and deviation 1."""
    return (columns - columns.mean(0)) / columns.std(0).clamp(min=1e-6)


def _without(params: Mapping[str, Tensor]) -> Params:
    """The recommender's parameters alone."""
    return {name: value for name, value in params.items() if not name.startswith("detector.")}
