"""Adversarial training on generated profiles: simulated fakes enter as negatives, round by round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import softplus

from recbench.contracts import (
    AttackerView,
    Batch,
    Budget,
    Differentiable,
    EarlyStopping,
    FitContext,
    ItemStatistics,
    Params,
    PoisoningAttacker,
    Problem,
    Profiles,
    Protected,
    RecbenchError,
    Recommender,
    RobustTraining,
    Scorer,
    Tables,
    derive_seed,
    mean_loss,
    numpy_rng,
    optimize,
    torch_rng,
)
from recbench.data import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import rank
from recbench_plugins.attackers.gan.gan import GAN
from recbench_plugins.attackers.gan.networks import ProfileGenerator
from recbench_plugins.attackers.gradient.unrolled_gradient import UnrolledGradient
from recbench_plugins.attackers.heuristic.average import Average
from recbench_plugins.attackers.heuristic.bandwagon import Bandwagon
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.attackers.heuristic.random import Random
from recbench_plugins.defenses.detection.degree_sad import appended
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

Family = Literal["random", "average", "popular", "bandwagon", "unrolled-gradient", "gan"]
WRITERS: dict[Family, PoisoningAttacker] = {
    "random": Random(),
    "average": Average(),
    "popular": Popular(),
    "bandwagon": Bandwagon(),
    "unrolled-gradient": UnrolledGradient(dim=16, epochs=20, steps=4, held_out=1, candidates=200),  # one every round
}
IMITATION = GAN(steps=0)
"""The learned family: a network that imitates the users as given. It is trained once, since it sees no target."""

TARGETS = 5
"""Of one simulated attack."""
PROFILES = 32
"""Profiles a step."""
FAR = 1e3
"""Bits, and more than any rank gain: a model that costs too much is worse than any that does not."""


@dataclass(frozen=True)
class GeneratedProfiles(RobustTraining):
    """Attacks are simulated while training, and the model is taught not to learn their link from fillers to targets.

    Adversarial training (Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015) with
    profiles of attacks in place of perturbations. No paper describes this form; the loss is of this project. With I_f
    the fillers of a generated profile f and T_f its targets, a step descends

        L(tables) + weight * mean over f, t in T_f, j in I_f \\ T_f of softplus(s_ft - s_fj).

    s_f is inferred, not learned: the mean score of some users as given who hold fillers of f. So fakes are never users
    that are fitted. Every `every` epochs a round begins: each of `families` writes an equal part of the profiles anew,
    and the T_f are drawn anew from a pool. The pool is what an attack may have lifted: items held by no more users
    than `popularity` allows, since the fakes of a real attack count in the data.

    How well it resists is judged on a development split: targets drawn as an attacker's would be, independently of the
    rounds, and fakes of the family `held_out`, which no round has. A copy of the model is trained, by the same rounds,
    on the data with these fakes; their rank gain is what separates it from the model. After every round the model with
    the least gain is remembered, among those whose validation quality is at least 1 - tolerance of plain training's;
    `patience` rounds without a lesser gain end the training. Where none is good enough the plain model is kept; where
    there is no validation there is nothing to guard by, so there is no development split, and every epoch is trained;
    with weight 0 that is plain training.

    In a model with a vector of its own for every item little is learned that holds for other targets than those drawn.
    So the pool is covered: every profile has `targets` of it, and it is rare items as a whole that lose their appeal
    to whoever holds the fillers.

    Measured on ml-100k with bpr-mf (2 units, docs/validation/generative-training.md): of the rank gain of popular 9% is
    taken back, of bandwagon 14%; on one unit it makes bandwagon worse, on one it keeps the plain model under popular.
    Clean NDCG@10 changes by less than two plain trainings differ; cold targets rank .15 and .23 bits higher on clean
    data.

    Args:
        families: who writes the profiles; `gan` is a generator that imitates users, trained once.
        held_out: the family of the development split's fakes.
        weight: of the profiles' loss.
        size: profiles, as a share of the users.
        targets: of each profile, drawn anew each round.
        popularity: share of the users who may hold an item of the pool.
        holders: users by whom a profile's scores are inferred.
        every: epochs a round.
        patience, tolerance: see above.
    """

    families: tuple[Family, ...] = ("random", "average", "popular", "gan")
    held_out: Family = "bandwagon"
    weight: NonNegativeFloat = 0.3
    size: Annotated[float, Field(gt=0, le=1)] = 0.03
    targets: PositiveInt = 64
    popularity: Annotated[float, Field(gt=0, le=1)] = 0.05
    holders: PositiveInt = 8
    every: PositiveInt = 2
    patience: PositiveInt = 5
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.01

    def __post_init__(self) -> None:
        if not self.families or self.held_out in self.families:
            raise RecbenchError(
                f"generated-profiles: the development split judges by '{self.held_out}', and {self.families} write the "
                "profiles; name at least one family, and hold out another one"
            )

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        """Train.

        Raises:
            RecbenchError: the track is explicit.
        """
        assert isinstance(recommender, Differentiable)  # the component requires it
        if train.ratings is not None:
            raise RecbenchError("generated-profiles writes clicks, not ratings; run it on the implicit track")
        simulation = Simulation(self, train, ctx)
        problem = recommender.problem(train, ctx)
        if ctx.validate is None:
            return Protected(problem.finish(self._trained(problem, simulation, ctx)))
        plain = problem.finish(optimize(problem, ctx))
        floor = (1 - self.tolerance) * ctx.validate(plain)
        development = Development.of(simulation)
        attacked = self._heights(recommender, development, simulation, ctx)
        best = -np.inf

        def resistance(scorer: Scorer) -> float:
            nonlocal best
            assert ctx.validate is not None
            quality, gain = ctx.validate(scorer), next(attacked) - development.height(scorer, train.n_users)
            found = -gain if quality >= floor else quality - FAR
            best = max(best, found)
            return found

        problem.early_stopping = EarlyStopping(self.every, self.patience)
        params = self._trained(problem, simulation, replace(ctx, validate=resistance))
        return Protected(plain if best < -FAR / 2 else problem.finish(params))

    def _trained(self, problem: Problem, simulation: Simulation, ctx: FitContext) -> Params:
        """The parameters after the rounds."""
        negatives: Negatives | None = None

        def step(problem: Problem, params: Params, batch: Batch) -> Tensor:
            if negatives is None or self.weight == 0:
                return mean_loss(problem, params, batch)
            tables = problem.encode(params)
            loss = problem.losses(tables, batch).mean() + problem.penalty(params, batch)
            return loss + self.weight * negatives.loss(problem, tables, self.holders, batch.seed)

        def renew(epoch: int, _: Params) -> None:
            nonlocal negatives
            if (epoch + 1) % self.every == 0 and epoch + 1 < problem.epochs:
                negatives = simulation.round((epoch + 1) // self.every)

        return optimize(problem, ctx, step, on_epoch=renew)

    def _heights(
        self, recommender: Differentiable, development: Development, simulation: Simulation, ctx: FitContext
    ) -> Iterator[float]:
        """How high the development targets are after each round, in a copy trained with the development fakes."""
        data, found = appended(simulation.train, development.fakes), list[float]()

        def watch(scorer: Scorer) -> float:
            found.append(development.height(scorer, data.n_users))
            return float(len(found))  # never ends the training

        problem = recommender.problem(data, ctx)
        problem.early_stopping = EarlyStopping(self.every, self.patience)
        self._trained(problem, simulation, replace(ctx, validate=watch))
        return iter(found)


@dataclass(frozen=True, eq=False)
class Negatives:
    """The profiles of one round.

    Args:
        targets: int64 [m, t], each profile's.
        indptr, fillers: int64 [m + 1] and [nnz]; those of profile k are `fillers[indptr[k]:indptr[k + 1]]`, none of
            them a target, each held by somebody.
        holders_of, holders: int64 [n_items + 1] and [n]; likewise, who holds each item.
    """

    targets: Tensor
    indptr: Tensor
    fillers: Tensor
    holders_of: Tensor
    holders: Tensor

    def loss(self, problem: Problem, tables: Tables, count: int, seed: int) -> Tensor:
        """The mean of softplus(s_ft - s_fj) over profiles f, targets t and fillers j drawn by lot, a scalar.

        Args:
            problem, tables: score users.
            count: holders of fillers whose mean score is s_f.
            seed: of the draws.
        """
        rng = torch_rng(seed, "generated-profiles", device=problem.device)

        def drawn(indptr: Tensor, values: Tensor, rows: Tensor) -> Tensor:
            """One value of each of some rows of a ragged array, by lot."""
            lots = torch.rand(rows.shape, generator=rng, device=rows.device, dtype=torch.float64)
            return values[indptr[rows] + (lots * indptr.diff()[rows]).long()]

        profiles = torch.randint(len(self.indptr) - 1, (PROFILES, 1), generator=rng, device=problem.device)
        users = drawn(self.holders_of, self.holders, drawn(self.indptr, self.fillers, profiles.expand(-1, count)))
        scores = problem.scores(tables, users.flatten()).reshape(*users.shape, -1).mean(1)
        targets = self.targets[profiles.squeeze(1)]
        fillers = drawn(self.indptr, self.fillers, profiles.expand_as(targets))
        return softplus(scores.gather(1, targets) - scores.gather(1, fillers)).mean()


class Simulation:
    """The attacks that the defense makes up, of the data as given: each round's, and that of the development split."""

    def __init__(self, settings: GeneratedProfiles, train: Interactions, ctx: FitContext) -> None:
        self.settings, self.train, self.ctx = settings, train, ctx
        held = train.item_counts > 0
        pool = np.flatnonzero(held & (train.item_counts <= settings.popularity * train.n_users))
        self.pool = (pool if len(pool) else np.flatnonzero(held)).astype(np.int32)

    def round(self, number: int) -> Negatives | None:
        """The profiles and targets of one round; None where no profile has a filler beside its targets."""
        seed = derive_seed(self.ctx.seed, "round", number)
        aims = self.targets(derive_seed(seed, "aims"))
        parts = np.array_split(self.lengths(seed), len(self.settings.families))
        written = [
            self.write(family, aims, sizes, derive_seed(seed, family))
            for family, sizes in zip(self.settings.families, parts, strict=True)
        ]
        lengths = np.concatenate([profiles.histories.lengths for profiles in written])
        rows, items = np.repeat(np.arange(len(lengths)), lengths), np.concatenate([each.items for each in written])
        targets = numpy_rng(seed, "targets").choice(self.pool, (len(lengths), self.settings.targets))
        own = np.arange(len(lengths))[:, None] * self.train.n_items + targets
        beside = ~np.isin(items, aims) & ~np.isin(rows * self.train.n_items + items, own)
        fillers = beside & (self.train.item_counts[items] > 0)
        left = np.bincount(rows[fillers], minlength=len(lengths))
        if not left.any():
            return None
        arrays = targets[left > 0], np.concatenate([[0], np.cumsum(left[left > 0])]), items[fillers]
        chosen, indptr, kept = (torch.tensor(each, dtype=torch.int64, device=self.ctx.device) for each in arrays)
        return Negatives(chosen, indptr, kept, *self._holders)

    def write(self, family: Family, targets: NDArray[np.int32], sizes: NDArray[np.int64], seed: int) -> Profiles:
        """Profiles of one family."""
        if family == "gan":
            return self._imitator.sample(sizes, seed)
        return WRITERS[family].craft(self._view(targets, sizes, seed))

    def targets(self, seed: int) -> NDArray[np.int32]:
        """Those of one attack."""
        return numpy_rng(seed, "attack").permutation(self.pool)[:TARGETS]

    def lengths(self, seed: int) -> NDArray[np.int64]:
        """Those of users as given, one for each profile."""
        known = np.sort(self.train.user_counts[self.train.user_counts > 0])  # sorted: whoever has them
        count = max(len(self.settings.families), round(self.settings.size * self.train.n_users))
        return np.asarray(numpy_rng(seed, "lengths").choice(known, count))

    def _view(self, targets: NDArray[np.int32], sizes: NDArray[np.int64], seed: int) -> AttackerView:
        secrets = {
            "statistics": ItemStatistics.of(self.train),
            "interactions": self.train,
            "surrogate": lambda _, **params: WMFSGD(**params),
        }
        return AttackerView(
            targets=targets,
            budget=Budget(sizes, self.train.n_items),
            goal="push",
            feedback="implicit",
            n_items=self.train.n_items,
            seed=seed,
            knowledge=frozenset({"statistics", "interactions", "surrogate"}),
            device=self.ctx.device,
            threads=self.ctx.threads,
            secrets=secrets,
        )

    @cached_property
    def _imitator(self) -> ProfileGenerator:
        nothing = np.zeros(0, dtype=np.int32)
        return IMITATION.trained(self._view(nothing, self.train.user_counts, derive_seed(self.ctx.seed, "imitation")))

    @cached_property
    def _holders(self) -> tuple[Tensor, Tensor]:
        """Who holds each item, see `Negatives`."""
        by_item = self.train.csr.tocsc()
        arrays = by_item.indptr, by_item.indices
        starts, users = (torch.tensor(each, dtype=torch.int64, device=self.ctx.device) for each in arrays)
        return starts, users


@dataclass(frozen=True, eq=False)
class Development:
    """An attack by which the training is judged; no fake of its family is trained against.

    Args:
        train: the data as given.
        targets: int32 [t].
        fakes: of the family that is held out.
        seed: of the order in which users are asked for.
    """

    train: Interactions
    targets: NDArray[np.int32]
    fakes: Profiles
    seed: int

    @classmethod
    def of(cls, simulation: Simulation) -> Development:
        seed = derive_seed(simulation.ctx.seed, "development")
        targets = simulation.targets(seed)
        fakes = simulation.write(simulation.settings.held_out, targets, simulation.lengths(seed), seed)
        return cls(simulation.train, targets, fakes, seed)

    def height(self, scorer: Scorer, n_users: int) -> float:
        """The mean of -log2(rank) of the targets over the users as given who do not hold them, in bits.

        Args:
            scorer: of a model of these users, fakes after those as given.
            n_users: how many they are.
        """
        train, everybody = self.train, np.arange(n_users)
        audience = Audience.shuffled(everybody, train.n_users, self.seed)
        ranks = rank(scorer, audience, train.histories, train.n_items, self.targets, 1, self.seed).target_ranks
        return -float(np.log2(ranks[ranks > 0]).mean()) if ranks.any() else 0.0
