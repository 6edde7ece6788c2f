"""`AttackerView`: all that an attacker may see, cut to the knowledge that it declares.

This catches mistakes, not malice: plugins run with the user's rights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from recbench.component import Feedback, Goal, Knowledge
from recbench.contracts.context import FitContext
from recbench.contracts.profiles import Profiles
from recbench.contracts.recommender import Differentiable, Scorer
from recbench.contracts.threat import Budget
from recbench.data.catalog import Catalog
from recbench.data.interactions import Histories, Interactions
from recbench.errors import KnowledgeViolation
from recbench.seeds import derive_seed

if TYPE_CHECKING:
    from recbench.contracts.defense import RobustTraining, Sanitizer


@dataclass(frozen=True, eq=False)
class ItemStatistics:
    """What anyone could count: of every item, how often it was rated, and how. Arrays [n_items]."""

    counts: NDArray[np.int64]
    means: NDArray[np.float64] | None
    stds: NDArray[np.float64] | None

    @classmethod
    def of(cls, train: Interactions) -> ItemStatistics:
        """Means and deviations are those of the whole data where an item has fewer than two ratings or no spread."""
        counts = train.item_counts
        if train.ratings is None:
            return cls(counts, None, None)
        ratings = train.ratings.astype(np.float64)
        totals = np.bincount(train.items, ratings, train.n_items)
        means = np.where(counts > 0, totals / np.maximum(counts, 1), ratings.mean())
        squares = np.bincount(train.items, (ratings - means[train.items]) ** 2, train.n_items)
        stds = np.sqrt(squares / np.maximum(counts - 1, 1))
        return cls(counts, means, np.where((counts < 2) | (stds == 0), ratings.std(ddof=1), stds))


class Deployment:
    """The victim, retrained by the harness on the attacker's profiles: it shows lists, never scores."""

    def __init__(
        self, top: Callable[[NDArray[np.integer] | Histories, int], NDArray[np.int32]], meter: Queries
    ) -> None:
        self._top = top
        self._meter = meter

    def recommend(self, users: NDArray[np.integer] | Histories, k: int) -> NDArray[np.int32]:
        """The top `k` items [len(users), k] of genuine users, or of histories for a sequential victim.

        Raises:
            KnowledgeViolation: the budget of lists is spent.
        """
        self._meter.spend_lists(len(users))
        return self._top(users, k)


@dataclass
class Queries:
    """The victim as a black box with two meters: retrainings, and lists looked at.

    `n_users` genuine users, 0 .. n_users - 1, may be asked for.
    """

    retrain: Callable[[Profiles], Callable[[NDArray[np.integer] | Histories, int], NDArray[np.int32]]]
    n_users: int
    max_deployments: int
    max_lists: int
    deployments: int = 0
    lists: int = 0

    def deploy(self, profiles: Profiles) -> Deployment:
        """Inject `profiles`, retrain the victim and look at what it recommends.

        Raises:
            KnowledgeViolation: the budget of deployments is spent.
        """
        if self.deployments >= self.max_deployments:
            raise KnowledgeViolation(f"all {self.max_deployments} deployments are spent")
        self.deployments += 1
        return Deployment(self.retrain(profiles), self)

    def spend_lists(self, count: int) -> None:
        """Count `count` lists looked at.

        Raises:
            KnowledgeViolation: that is more than are left.
        """
        if self.lists + count > self.max_lists:
            left = self.max_lists - self.lists
            raise KnowledgeViolation(f"{left} of {self.max_lists} lists are left; {count} asked for")
        self.lists += count


@dataclass(frozen=True, eq=False)
class AttackerView:
    """What one attack sees.

    Args:
        targets: int32 [t], the items to move.
        budget: what the profiles may hold.
        goal: push, nuke or degrade.
        feedback: the track.
        n_items: size of the catalogue.
        seed: the attack's only source of randomness.
        catalog: what is known of the items.
        device, threads: where and how widely to compute.
        knowledge: what the component declares; anything else raises `KnowledgeViolation` on touch.
        secrets: the harness's side: what there is to see, by kind of knowledge.
    """

    targets: NDArray[np.int32]
    budget: Budget
    goal: Goal
    feedback: Feedback
    n_items: int
    seed: int
    knowledge: frozenset[Knowledge]
    catalog: Catalog = field(default_factory=Catalog)
    device: str = "cpu"
    threads: int = 1
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def _see(self, kind: Knowledge, *also: Knowledge) -> Any:
        if not self.knowledge & {kind, *also}:
            declared = ", ".join(sorted(self.knowledge)) or "nothing"
            raise KnowledgeViolation(f"this attacker declares knowledge of {declared}; it touched '{kind}'")
        if kind not in self.secrets:
            raise KnowledgeViolation(f"the suite's threat model offers no '{kind}'")
        return self.secrets[kind]

    @property
    def statistics(self) -> ItemStatistics:
        """Counts, means and deviations of the items in the genuine training data."""
        return cast("ItemStatistics", self._see("statistics", "interactions"))

    @property
    def observed(self) -> Interactions:
        """The genuine training interactions."""
        return cast("Interactions", self._see("interactions"))

    def surrogate(self, name: str, **params: Any) -> Differentiable:
        """A differentiable recommender of the attacker's own choice, by its plugin's name.

        Raises:
            PluginError: unknown, not differentiable, or impossible parameters.
        """
        return cast("Differentiable", self._see("surrogate")(name, **params))

    def context(self, *stream: str | int) -> FitContext:
        """Surroundings for training a surrogate, seeded by the attack's seed and the stream's name."""
        return FitContext(
            derive_seed(self.seed, *stream), device=self.device, threads=self.threads, catalog=self.catalog
        )

    @property
    def queries(self) -> Queries:
        """The victim as a metered black box."""
        return cast("Queries", self._see("queries"))

    @property
    def victim(self) -> Scorer:
        """The trained victim (white box)."""
        return cast("Scorer", self._see("victim"))

    @property
    def defense(self) -> Sanitizer | RobustTraining | None:
        """The deployed defense, or None where nothing is deployed (adaptive attacks).

        It has seen no data: an attacker tries it on a poisoned copy of what it sees.
        """
        return cast("Sanitizer | RobustTraining | None", self._see("defense"))
