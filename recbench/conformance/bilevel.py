"""The planted bilevel task: where an attack through a surrogate's training has a known answer.

The synthetic experiment of Tang, Wen, Wang, "Revisiting Adversarially Learned Injection Attacks Against Recommender
Systems", RecSys 2020. 900 genuine and 100 fake users, 300 items; a user likes the items whose product of Gaussian
factors of rank 20 exceeds 5, about 12% of them. Item 0 is pushed on weighted matrix factorization of 16 dimensions,
with weight 20, trained for 100 epochs by Adam with 0.5. Published trace of their attack: target HR@10 .039 at step 1,
.467 at step 10, .639 at step 50; mean target rank 146 to 48; HR@10 of held-out items stays at .467 to .483.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recbench.component import Knowledge
from recbench.conformance.arena import KeepsEveryone
from recbench.conformance.check import Failed, NotApplicable, Subject, check
from recbench.conformance.planted import hidden_seed, interactions
from recbench.contracts import (
    Adam,
    AttackerView,
    Batch,
    Budget,
    Differentiable,
    FitContext,
    ItemStatistics,
    Params,
    PoisoningAttacker,
    Problem,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    RuleViolation,
    Scorer,
    Tables,
    numpy_rng,
    torch_rng,
    train,
)
from recbench.data.interactions import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.exposure import exposure_hit_ratio
from recbench.evaluation.quality import Relevance, hit_ratio
from recbench.evaluation.ranking import rank

GENUINE, FAKES, ITEMS, RANK, THRESHOLD = 900, 100, 300, 20, 5.0
TARGET = np.zeros(1, dtype=np.int32)
SHOWN: frozenset[Knowledge] = frozenset({"interactions", "statistics", "surrogate", "defense"})
"""What the task can show of itself."""


@dataclass(frozen=True)
class Trace:
    """What a recommender does for the target: its HR@10 and mean rank among the genuine users who do not like it, and
    the HR@10 of the items that were held out."""

    hits: float
    rank: float
    quality: float


@dataclass(frozen=True, eq=False)
class BilevelTask:
    """Genuine data, of which one liked item a user is held out."""

    train: Interactions
    test: Interactions

    @classmethod
    def plant(cls, seed: int) -> BilevelTask:
        rng = numpy_rng(seed, "planted")
        scores = rng.standard_normal((GENUINE, RANK)) @ rng.standard_normal((ITEMS, RANK)).T
        users, items = np.nonzero(scores > THRESHOLD)
        order = np.lexsort((rng.random(len(users)), users))
        held_out = np.zeros(len(users), dtype=bool)
        held_out[order[np.unique(users[order], return_index=True)[1]]] = np.bincount(users)[np.unique(users)] > 1
        liked = interactions(users, items, GENUINE, ITEMS)
        return cls(liked.select(~held_out), liked.select(held_out))

    @property
    def budget(self) -> Budget:
        """Profiles of the genuine users' mean length, the target counted; the paper leaves their length free."""
        return Budget(np.full(FAKES, round(self.train.user_counts.mean())), ITEMS)

    def view(self, knowledge: frozenset[Knowledge], seed: int) -> AttackerView:
        """What an attacker with this knowledge, of `SHOWN`, sees; its surrogate is the task's, whatever it asks for."""
        secrets = {
            "interactions": self.train,
            "statistics": ItemStatistics.of(self.train),
            "surrogate": lambda name, **params: SURROGATE,
            "defense": KeepsEveryone(),
        }
        if "interactions" in knowledge:  # who sees them can count them
            knowledge |= {"statistics"}
        return AttackerView(
            targets=TARGET,
            budget=self.budget,
            goal="push",
            feedback="implicit",
            n_items=ITEMS,
            seed=seed,
            knowledge=knowledge,
            secrets={kind: secrets[kind] for kind in knowledge},
        )

    def random_fakes(self, seed: int) -> Profiles:
        """The control: the target, and other items by lot."""
        lots = numpy_rng(seed, "random-fakes").random((FAKES, ITEMS))
        lots[:, TARGET] += 1
        places = np.argsort(np.argsort(-lots, axis=1), axis=1)
        return Profiles.from_dense(places < self.budget.sizes[:, None])

    def judge(self, profiles: Profiles, seed: int) -> Trace:
        """What the surrogate recommends that is trained from `seed` on the genuine data and the profiles."""
        ctx = FitContext(seed)
        return self.trace(train(SURROGATE.problem(self.train, ctx, RelaxedProfiles.of(profiles, ITEMS)), ctx))

    def trace(self, scorer: Scorer) -> Trace:
        """What a scorer recommends to the genuine users. Ranks are among the items that a user did not train on."""
        everybody = np.arange(GENUINE)
        ranking = rank(scorer, Audience.shuffled(everybody, GENUINE, 0), self.train.histories, ITEMS, TARGET, 10, 0)
        liked = self.train.contains(everybody[:, None], TARGET) | self.test.contains(everybody[:, None], TARGET)
        quality = hit_ratio(Relevance.of(ranking.top, self.test.histories), 10).mean()
        hits = exposure_hit_ratio(ranking, ~liked, 10)[0]
        return Trace(float(hits), float(ranking.target_ranks[~liked].mean()), float(quality))


@dataclass(frozen=True)
class WeightedFactors(Differentiable):
    """The paper's surrogate: w (x - s)^2 over the whole matrix, w being `weight` where there is an interaction and 1
    elsewhere. To a gradient in x the w are constants."""

    dim: int = 16
    weight: float = 20.0
    lr: float = 0.5
    epochs: int = 100
    scale: float = 0.1

    def problem(self, train: Interactions, ctx: FitContext, fakes: RelaxedProfiles | None = None) -> Problem:
        return _WeightedFactorsProblem(self, train, ctx.device, fakes)


class _WeightedFactorsProblem(Problem):
    perturbable = frozenset({"users", "items"})

    def __init__(self, model: WeightedFactors, train: Interactions, device: str, fakes: RelaxedProfiles | None) -> None:
        self.rows = torch.tensor(train.csr.toarray(), dtype=torch.float32, device=device)
        if fakes is not None:
            self.rows = torch.cat([self.rows, fakes.matrix()])
        self.weights = 1 + (model.weight - 1) * self.rows.detach()
        self.model = model
        self.device = device
        self.n_users, self.n_items = self.rows.shape
        self.optimizer = Adam(model.lr)
        self.epochs = model.epochs

    def init(self, seed: int) -> Params:
        def normal(name: str, count: int) -> Tensor:
            rng = torch_rng(seed, name, device=self.device)
            return self.model.scale * torch.randn(count, self.model.dim, generator=rng, device=self.device)

        return {"users": normal("users", self.n_users), "items": normal("items", self.n_items)}

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield Batch(torch.arange(self.n_users, device=self.device), seed)

    def encode(self, params: Params) -> Tables:
        return {**params, "rows": self.rows, "weights": self.weights}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        errors: Tensor = (tables["weights"] * (tables["rows"] - tables["users"] @ tables["items"].T) ** 2).sum(1)
        return errors[batch.users]

    def gradients(self, params: Params, batch: Batch) -> Params:
        """In closed form: half as much work, and so is differentiating through it."""
        users, items = params["users"], params["items"]
        errors = (2 / self.n_users) * self.weights * (users @ items.T - self.rows)
        return {"users": errors @ items, "items": errors.T @ users}

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["users"][users] @ tables["items"].T


SURROGATE = WeightedFactors()
JUDGES = 3
"""Surrogates, from seeds of their own, on which an attack is judged."""
ASKED = 0.8
"""The mean rank to which an attack must bring the target, as a share of the one to which random fakes bring it."""


@check("attacker", guards=("D21",), long=True)
def it_raises_its_target_on_surrogates_that_it_has_never_seen(subject: Subject) -> None:
    """An inner optimizer held another model's parameters: the surrogate never moved, and what was optimized on it was
    noise. Others fit the one seed that they train. On the bilevel task of Tang, Wen and Wang an attack that reads its
    surrogate gets far beyond random fakes of equal budget, by surrogates of other seeds.
    """
    component = subject.component
    if "surrogate" not in component.knowledge:
        raise NotApplicable("it asks for no surrogate")
    if component.family == "control":
        raise NotApplicable("its family is 'control': it is there to be beaten and claims no damage")
    if not component.serves("push", "implicit"):
        raise NotApplicable("the planted bilevel task is to push by clicks, which it does not serve")
    if unknown := component.knowledge - SHOWN:
        raise NotApplicable(f"the planted bilevel task has no {', '.join(sorted(unknown))} to show")
    attacker = subject.build()
    if not isinstance(attacker, PoisoningAttacker):
        raise NotApplicable("it crafts no profiles")
    task = BilevelTask.plant(hidden_seed("bilevel"))
    view = task.view(component.knowledge, hidden_seed("bilevel", "attacker") % 1000)
    try:
        profiles = attacker.craft(view)
        profiles.check(view.budget)
    except (RecbenchError, RuleViolation) as error:
        raise NotApplicable(f"it has no profiles that count: {error}") from error
    seeds = [hidden_seed("bilevel", "judge", k) for k in range(JUDGES)]
    own, control = (
        [task.judge(each, seed) for seed in seeds] for each in (profiles, task.random_fakes(hidden_seed("bilevel")))
    )
    reached, beaten = (float(np.mean([trace.rank for trace in traces])) for traces in (own, control))
    if reached > ASKED * beaten:
        hits = [float(np.mean([trace.hits for trace in traces])) for traces in (own, control)]
        raise Failed(
            f"the target comes to rank {reached:.0f} of {ITEMS} and a HR@10 of {hits[0]:.3f}; random fakes bring it to "
            f"{beaten:.0f} and {hits[1]:.3f}, and {ASKED:.0%} of that rank is asked. Does the surrogate that the loss "
            "is computed on train on the fakes, and from other seeds than one?"
        )
