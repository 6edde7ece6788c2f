"""RAPU-R: fakes that resemble the average user drawn towards a target, read off a surrogate's factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, RecbenchError, derive_seed, numpy_rng
from recbench_plugins.attackers.gradient.als import ALS, Fakes
from recbench_plugins.attackers.heuristic.assembly import assemble, most


@dataclass(frozen=True)
class RAPUR(PoisoningAttacker):
    """Profiles of proxy users (Zhang, Tian, Li, Su, Yang, Zhao, Gao, "Data poisoning attack against recommender system
    using incomplete and perturbed data", KDD 2021: RAPU-R). Push; implicit feedback.

    A surrogate is trained on the genuine users. The proxy user of target t has the factor

        p = the mean factor of some users + q_t,

    and the fakes, which take the targets in turn, click all targets and, of the most popular items, those that their
    proxy user would be recommended. No gradient is needed.

    Departures: the surrogate is weighted matrix factorization by alternating least squares; each fake draws the users
    of its mean anew, where in the paper all fakes of a target are one profile. The released code averages a target's
    factor over its dimensions, which adds one number to every p and says nothing of the target. The paper's other
    attack, RAPU-G, is not this one. Knowledge: `interactions`.

    On ml-100k at 3%, one target, `ials`, 3 units: it gains 1.62 bits of rank; popular items by lot, which is what it
    does without its surrogate, .90, `popular` 1.57, `copy` .81, `random` .11. The factor of a target that hardly anyone
    has is close to 0: what is learned is the mean user. Where all items are about as popular it is no better than
    random fillers.

    Args:
        users: share of the users in each fake's mean.
        candidates: share of the catalogue, the most popular, that fillers are from; others follow where they are too
            few.
        dim, alpha, l2, sweeps: of the surrogate.
    """

    users: Annotated[float, Field(gt=0, le=1)] = 0.1
    candidates: Annotated[float, Field(gt=0, le=1)] = 0.1
    dim: PositiveInt = 32
    alpha: PositiveFloat = 5.0
    l2: PositiveFloat = 45.0
    sweeps: PositiveInt = 10

    def craft(self, view: AttackerView) -> Profiles:
        if view.feedback == "explicit":
            raise RecbenchError("rapu-r writes clicks, not ratings; run it on the implicit track")
        if view.goal != "push" or not len(view.targets):
            raise RecbenchError(f"rapu-r promotes its targets; it cannot {view.goal}")
        users, items = self._factors(view)
        proxies = self.proxies(view, users, items)
        among = most(view, view.statistics.counts, self.candidates)

        def levels(rows: NDArray[np.intp]) -> NDArray[np.int64]:
            liked = np.argsort(np.argsort(proxies[rows] @ items.T, axis=1), axis=1)
            return np.where(among, len(among), 0) + liked

        return assemble(view, levels)

    def proxies(
        self, view: AttackerView, users: NDArray[np.float64], items: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The factor of each fake's proxy user, [m, dim]."""
        rng, count = numpy_rng(view.seed, "proxies"), view.budget.n_profiles
        drawn = rng.random((count, len(users))).argsort(axis=1)[:, : max(1, round(self.users * len(users)))]
        means = users[drawn].mean(axis=1)
        towards = items[view.targets[np.arange(count) % len(view.targets)]]
        return np.asarray(means + towards)

    def _factors(self, view: AttackerView) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The surrogate's users [n, dim] and items [n_items, dim]."""
        als = ALS.of_clicks(view.observed, self.alpha, self.l2, view.device)
        nobody = torch.zeros(0, view.n_items, device=view.device)
        start = als.start(self.dim, derive_seed(view.seed, "surrogate"))
        users, _, items = als.trained(start, Fakes(nobody, nobody), self.sweeps)
        return users.cpu().numpy().astype(np.float64), items.cpu().numpy().astype(np.float64)
