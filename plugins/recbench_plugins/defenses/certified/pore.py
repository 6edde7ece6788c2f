"""Bagging over users with a certificate: how many recommendations stay whatever a number of fake users do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from recbench.contracts import (
    Certificate,
    FitContext,
    Protected,
    Recommender,
    RobustTraining,
    derive_seed,
    numpy_rng,
)
from recbench.data import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import rank
from recbench_plugins.defenses.certified.bagging import Intervals, chance_of_none, kept

CHUNK = 1000
"""Users certified at a time."""


@dataclass(frozen=True)
class PORE(RobustTraining):
    """PORE (Jia, Liu, Hu, Gong, "PORE: provably robust recommender systems against data poisoning attacks", USENIX
    Security 2023, algorithms 1 and 2).

    Many models are trained, each on `sample` users drawn without replacement; each lists `listed` items for each of
    its users. An item's score is the share of a user's models that list it. `kept` of `bagging` bounds what e fakes
    can do to these shares; the certificate counts the items of a user's list that stay. Any recommender will do, and
    validation is withheld from the models: what one learns may depend on its sample alone.

    What is certified: lists by the exact probabilities, which the shares estimate, against fakes of any number of
    items that join the data; not against changes of genuine rows. It holds for all users at once with probability
    1 - alpha: with both bounds of every item, since the votes that are bounded also choose the list. The vote after an
    attack is of as many models and has an error of its own.

    Departures. The paper draws each sample by itself; here the users are dealt into samples, again and again, so that
    each round costs one training on all users and gives each one vote. The sample of a user is drawn as before. So
    bounds are of the probability given that the user is in the sample: the certificate is the same (all of the paper's
    probabilities have the factor sample/n), and items that are nearly always listed have far tighter bounds. The
    paper's 100,000 models are some 20,000 rounds of ml-100k. The paper certifies test items; a defense has none, so
    what is certified here are the recommended items.

    Measured with item-knn on one 80/20 split of ml-100k: clean NDCG@10 .407 to .398 with 40 rounds, in 32 CPU seconds.
    What is certified rests on the rounds. With the shares of these 40, of a user's ten items there would stay under 1,
    2 and 3 fakes: with 100 rounds 6%, 2% and 0; with 200 17%, 9% and 3%; with 1,000 44%, 28% and 15%. Under 5, with
    1,000 rounds, below 1%.

    Args:
        sample: users a model; 200 in the paper. Fewer users certify against more fakes and know less.
        rounds: models that see a user.
        listed: N', items that a model lists.
        k: N, length of the certified list.
        fakes: the certificate reaches from 1 to so many.
        alpha: the probability with which anything of it is wrong.
    """

    sample: Annotated[int, Field(ge=2)] = 100
    rounds: PositiveInt = 100
    listed: PositiveInt = 10
    k: PositiveInt = 10
    fakes: PositiveInt = 10
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.001

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        votes, trials = self.vote(recommender, train, ctx)
        certificate = Certificate(self.k, self.certified(votes, trials, train), 1 - self.alpha)
        return Protected(Vote(votes, trials), certificate=certificate)

    def vote(
        self, recommender: Recommender, train: Interactions, ctx: FitContext
    ) -> tuple[sp.csr_matrix, NDArray[np.int64]]:
        """How many models list each item for each user, [n_users, n_items], and how many saw the user, [n_users]."""
        size = min(self.sample, train.n_users)
        shape = (train.n_users, train.n_items)
        votes = sp.csr_matrix((np.zeros(0, np.int32), np.zeros((2, 0), np.int32)), shape=shape)
        trials = np.zeros(train.n_users, dtype=np.int64)
        for turn in range(self.rounds):
            dealt = numpy_rng(ctx.seed, "samples", turn).permutation(train.n_users)
            for start in range(0, train.n_users - size + 1, size):
                users = dealt[start : start + size]
                seed = derive_seed(ctx.seed, "model", turn, start)
                own = FitContext(seed, ctx.device, ctx.threads, ctx.catalog)
                top = self._lists(recommender, rows_of(train, users), own)
                given = top >= 0
                pairs = (np.broadcast_to(users[:, None], top.shape)[given], top[given])
                votes = votes + sp.csr_matrix((np.ones(given.sum(), np.int32), pairs), shape=shape)
                trials[users] += 1
        return votes, trials

    def _lists(self, recommender: Recommender, sample: Interactions, ctx: FitContext) -> NDArray[np.int32]:
        """What one model recommends to its users, [sample.n_users, listed]; -1 where there is nothing more."""
        scorer = recommender.fit(sample, ctx)
        audience = Audience.shuffled(np.arange(sample.n_users), sample.n_users, derive_seed(ctx.seed, "audience"))
        nothing = np.zeros(0, dtype=np.int32)
        return rank(scorer, audience, sample.histories, sample.n_items, nothing, self.listed, ctx.seed).top

    def certified(self, votes: sp.csr_matrix, trials: NDArray[np.int64], train: Interactions) -> NDArray[np.int32]:
        """Of each user's k items with most votes, how many provably stay, [n_users, fakes]."""
        n, m = votes.shape
        none = chance_of_none(n, min(self.sample, n), np.arange(1, self.fakes + 1))
        if self.sample > n:  # with fakes the samples would be larger: not the law that the bounds are of
            none = np.zeros_like(none)
        # Two bounds an item: which of them is read, the votes decide by which the list was chosen.
        intervals = Intervals(self.alpha / (2 * n * m), int(trials.max(initial=0)))
        histories = train.csr
        proved = []
        for start in range(0, n, CHUNK):
            part = slice(start, start + CHUNK)
            seen = votes[part].toarray()
            seen[histories[part].toarray() > 0] = -1  # no candidates
            ranked = -np.sort(-np.pad(seen, ((0, 0), (0, 2 * self.k)), constant_values=-1), axis=1)[:, : 2 * self.k]
            low, high = intervals.of(np.maximum(ranked, 0), trials[part, None])
            inside = np.where(ranked >= 0, low, 0.0)[:, : self.k]
            outside = np.where(ranked >= 0, high, -np.inf)[:, self.k :]
            # A user who has nearly everything has a shorter list.
            length = (ranked[:, : self.k] >= 0).sum(axis=1, dtype=np.int32)
            proved.append(np.minimum(kept(inside, outside, none, self.listed), length[:, None]))
        return np.concatenate(proved)


@dataclass(frozen=True, eq=False)
class Vote:
    """A scorer: the share of a user's models that list an item."""

    votes: sp.csr_matrix
    trials: NDArray[np.int64]

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float32]:
        """Shares [b, n_items]; zeros for a user whom no model saw."""
        shares = self.votes[users].toarray() / np.maximum(self.trials[users], 1)[:, None]
        return np.asarray(shares, dtype=np.float32)


def rows_of(train: Interactions, users: NDArray[np.int64]) -> Interactions:
    """The data of `users` alone, who are numbered in this order."""
    counts = train.user_counts[users]
    first = np.cumsum(counts) - counts
    rows = np.repeat(train.indptr[users] - first, counts) + np.arange(counts.sum())
    return Interactions(
        np.repeat(np.arange(len(users), dtype=np.int32), counts),
        train.items[rows],
        len(users),
        train.n_items,
        None if train.ratings is None else train.ratings[rows],
        None if train.timestamps is None else train.timestamps[rows],
    )
