"""The copy attack: a genuine user's profile plus the targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles, numpy_rng
from recbench_plugins.attackers.heuristic.assembly import assemble, held_targets, rate


@dataclass(frozen=True)
class Copy(PoisoningAttacker):
    """The targets and fillers copied from one genuine user a profile, in that user's click order.

    The strongest camouflage that needs no model: what a profile holds beside the targets is genuine. Templates
    are drawn at random among the users with enough other items, and thinned at random to the size; where no
    user has enough, the longest is topped up with random items. Fillers keep the template's ratings (an
    item's mean where it was topped up). Knowledge: `interactions`.
    """

    def craft(self, view: AttackerView) -> Profiles:
        observed = view.observed
        templates = self._templates(view)
        rng = numpy_rng(view.seed, "moments")
        # Uniform moments, ascending within each user: a target at a uniform moment then falls into any gap alike.
        ascending = np.sort(observed.users + rng.random(len(observed))) - observed.users
        clicked = sp.csr_matrix(
            (1.0 + ascending, observed.items, observed.indptr), shape=(observed.n_users, observed.n_items)
        )

        def copied(rows: NDArray[np.intp]) -> NDArray[np.float64]:
            """When in [1, 2] the template clicked each item, 0 where it never did."""
            return clicked[templates[rows]].toarray()

        def moments(rows: NDArray[np.intp]) -> NDArray[np.float64]:
            when = copied(rows)
            return np.where(when > 0, when, 1.0 + rng.random(when.shape))

        profiles = assemble(view, lambda rows: copied(rows) > 0, moments)
        scale = view.budget.scale
        if scale is None:
            return profiles
        sources = templates[profiles.histories.rows]
        means = view.statistics.means
        assert means is not None
        theirs = np.asarray(observed.ratings_csr[sources, profiles.items]).ravel()
        ratings = np.where(observed.contains(sources, profiles.items), theirs, means[profiles.items])
        return rate(view, scale, profiles, ratings)

    def _templates(self, view: AttackerView) -> NDArray[np.intp]:
        """A user for every profile, int64 [m]."""
        targets = held_targets(view)
        observed = view.observed
        usable = np.bincount(observed.users[~np.isin(observed.items, targets)], minlength=observed.n_users)
        by_length = np.argsort(usable, kind="stable")
        fillers = np.minimum(np.maximum(view.budget.sizes - len(targets), 1), usable.max())
        first = np.searchsorted(usable[by_length], fillers)
        drawn = numpy_rng(view.seed, "templates").random(len(fillers))
        templates: NDArray[np.intp] = by_length[first + (drawn * (observed.n_users - first)).astype(np.intp)]
        return templates
