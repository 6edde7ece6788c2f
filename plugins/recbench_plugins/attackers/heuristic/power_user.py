"""The power user attack: the targets in the profiles of those whom others resemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles
from recbench.data import Interactions
from recbench_plugins.attackers.heuristic.assembly import assemble, rate

NEIGHBOURS = 50
"""Of each user, as many nearest neighbours are looked at; and as many common items make a similarity trusted."""
CELLS = 2**24
"""(user, user) similarities held densely at a time."""

Measure = Literal["in-degree", "ratings", "similarity"]


@dataclass(frozen=True)
class PowerUser(PoisoningAttacker):
    """The targets in copies of influential users (Wilson, Seminario, "When power users attack: assessing impacts in
    collaborative recommender systems", RecSys 2013). Push, and nuke on explicit feedback.

    Profile k holds the most popular items of the k-th most influential user, then those of that user's nearest
    neighbour, then the most popular items of all, until it is full. Ratings are the power user's, else the
    neighbour's, else the item's mean. More profiles than users begin anew. Knowledge: `interactions`.

    Similarity is Pearson's correlation over common items (on implicit feedback the cosine), times min(common, 50)
    / 50.

    Args:
        measure: influence is how many users have one among their 50 nearest neighbours (`in-degree`), how much one
            rated (`ratings`), or the sum of one's 50 largest similarities (`similarity`).
    """

    measure: Measure = "in-degree"

    def craft(self, view: AttackerView) -> Profiles:
        observed = view.observed
        influence, nearest = influences(observed, self.measure)
        by_influence = np.argsort(-influence, kind="stable")
        power = by_influence[np.arange(view.budget.n_profiles) % observed.n_users]
        counts = observed.item_counts
        train = observed.csr

        def levels(rows: NDArray[np.intp]) -> NDArray[np.float64]:
            own, theirs = train[power[rows]].toarray(), train[nearest[power[rows]]].toarray()
            # Tiers a whole catalogue's counts apart; within a tier the popular come first.
            return np.asarray((counts.max() + 1.0) * np.maximum(2 * own, theirs) + counts)

        profiles = assemble(view, levels)
        scale = view.budget.scale
        if scale is None:
            return profiles
        means = view.statistics.means
        assert means is not None
        ratings = means[profiles.items]
        for users in (nearest[power], power):
            source = users[profiles.histories.rows]
            rated = np.asarray(observed.ratings_csr[source, profiles.items]).ravel()
            ratings = np.where(observed.contains(source, profiles.items), rated, ratings)
        return rate(view, scale, profiles, ratings)


def influences(train: Interactions, measure: Measure) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The influence of every user, float64 [n_users], and the nearest neighbour of every user, int64 [n_users]."""
    n_users = train.n_users
    kept = min(NEIGHBOURS, n_users - 1)
    nearest = np.zeros(n_users, np.int64)
    in_degree, similarity = np.zeros(n_users), np.zeros(n_users)
    step = max(1, CELLS // n_users)
    for start in range(0, n_users, step):
        users = np.arange(start, min(start + step, n_users))
        close = similarities(train, users)
        close[np.arange(len(users)), users] = -np.inf
        nearest[users] = close.argmax(axis=1)
        neighbours = np.argpartition(close, n_users - max(kept, 1), axis=1)[:, n_users - kept :]
        largest = np.take_along_axis(close, neighbours, axis=1)
        in_degree += np.bincount(neighbours[largest > 0], minlength=n_users)
        similarity[users] = largest.sum(axis=1)
    found = {"in-degree": in_degree, "ratings": train.user_counts.astype(np.float64), "similarity": similarity}
    return found[measure], nearest


def similarities(train: Interactions, users: NDArray[np.intp]) -> NDArray[np.float64]:
    """Of `users` to all users, float64 [b, n_users]; see `PowerUser`."""
    held = train.csr.astype(np.float64)
    common = (held[users] @ held.T).toarray()
    trusted = np.minimum(common, NEIGHBOURS) / NEIGHBOURS
    if train.ratings is None:
        lengths = np.sqrt(train.user_counts)
        return np.asarray(trusted * common / np.maximum(lengths[users, None] * lengths, 1))
    ratings = train.ratings_csr.astype(np.float64)
    squares = ratings.multiply(ratings).tocsr()
    # All moments are over the items that both have rated.
    n = np.maximum(common, 1)
    mine, theirs = (ratings[users] @ held.T).toarray() / n, (held[users] @ ratings.T).toarray() / n
    covariance = (ratings[users] @ ratings.T).toarray() / n - mine * theirs
    my_variance = (squares[users] @ held.T).toarray() / n - mine**2
    their_variance = (held[users] @ squares.T).toarray() / n - theirs**2
    varies = (my_variance > 1e-9) & (their_variance > 1e-9)
    deviations = np.sqrt(np.where(varies, my_variance * their_variance, 1.0))
    return np.asarray(trusted * np.where(varies, covariance / deviations, 0.0))
