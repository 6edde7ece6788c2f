"""PORE as a defense: its samples, its votes, and attacks that do not break its certificate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from contracts.planted import appended, budget, planted, random_profiles
from scipy.stats import binom

from recbench.contracts import FitContext, Profiles, Recommender
from recbench.data import Interactions
from recbench_plugins.defenses.certified import pore as module
from recbench_plugins.defenses.certified.bagging import Intervals
from recbench_plugins.defenses.certified.pore import PORE, rows_of
from recbench_plugins.recommenders.item_knn import ItemKNN

CTX = FitContext(seed=0)


@dataclass(frozen=True)
class Notes(Recommender):
    """Recommends by popularity, and notes what it was given."""

    given: list[Any]

    def fit(self, train: Interactions, ctx: FitContext) -> Any:
        self.given.append((train, ctx))

        class Popular:
            def score(self, users: Any) -> Any:
                return np.tile(train.item_counts.astype(float), (len(users), 1))

        return Popular()


def test_each_round_deals_users_into_samples_of_one_size() -> None:
    given: list[Any] = []
    train = planted(n_users=63)
    _, trials = PORE(sample=20, rounds=4).vote(Notes(given), train, CTX)
    assert [sample.n_users for sample, _ in given] == [20] * 12
    assert trials.sum() == 240
    assert trials.max() == 4
    assert len({ctx.seed for _, ctx in given}) == 12


def test_models_are_told_nothing_but_their_sample() -> None:
    given: list[Any] = []
    PORE(sample=20, rounds=1).fit(Notes(given), planted(), FitContext(0, validate=lambda scorer: 1.0))
    assert all(ctx.validate is None for _, ctx in given)


def test_a_sample_holds_the_rows_of_its_users() -> None:
    train, users = planted(explicit=True), np.array([7, 2, 33])
    sample = rows_of(train, users)
    assert (sample.ratings_csr != train.ratings_csr[users]).nnz == 0
    assert np.array_equal(sample.histories[1], train.histories[2])


def test_scores_are_the_share_of_a_users_models_that_list_an_item() -> None:
    train = planted()
    protected = PORE(sample=30, rounds=8, listed=3).fit(ItemKNN(), train, CTX)
    scores = protected.scorer.score(np.arange(60))
    assert scores.sum(axis=1) == pytest.approx(np.full(60, 3.0), rel=1e-5)
    assert scores.max() <= 1
    assert (scores[train.csr.toarray() > 0] == 0).all()


def test_fewer_users_than_a_sample_are_promised_nothing() -> None:
    protected = PORE(sample=100, rounds=3).fit(ItemKNN(), planted(), CTX)
    assert protected.certificate is not None
    assert (protected.certificate.kept == 0).all()


def test_of_a_list_that_is_short_no_more_is_promised_than_it_holds() -> None:
    """One has 38 of the 40 items, one has all of them."""
    users = np.concatenate([np.zeros(38, np.int32), np.ones(40, np.int32)])
    train = appended(planted(), Profiles.from_pairs(users, np.concatenate([np.arange(38), np.arange(40)]), 2))
    protected = PORE(sample=20, rounds=10, listed=3, k=5, fakes=1).fit(ItemKNN(), train, CTX)
    assert protected.certificate is not None
    assert protected.certificate.kept[60:].ravel().tolist() == [2, 0]


def test_a_bound_is_wrong_with_alpha_at_most_though_the_votes_choose_which_bounds_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two items that are listed alike, the luckier is on the list: too many votes mislead, and so do too few."""
    asked: list[Intervals] = []

    def noted(miss: float, trials: int) -> Intervals:
        asked.append(Intervals(miss, trials))
        return asked[-1]

    monkeypatch.setattr(module, "Intervals", noted)
    pore, users, trials = PORE(sample=2, k=1, alpha=0.05), 3, 2000
    nobody = Interactions(np.zeros(0, np.int32), np.zeros(0, np.int32), users, 2)
    pore.certified(sp.csr_matrix(np.zeros((users, 2), dtype=np.int32)), np.full(users, trials), nobody)
    seen = np.arange(trials + 1)
    low, high = asked[0].of(seen, np.array(trials))
    for p in (0.2, 0.5, 0.9):
        right = binom.pmf(seen, trials, p)[(low <= p) & (p <= high)].sum()
        assert 1 - right ** (2 * users) <= pore.alpha


def test_no_attack_takes_out_more_than_the_certificate_allows() -> None:
    """Fakes of random items, of one item, and copies of a genuine user with another item, on a certificate that says
    something."""
    train = planted(n_users=120)
    pore = PORE(sample=20, rounds=50, listed=3, k=3, fakes=2, alpha=0.5)
    top, certificate = _lists(pore, train)
    certificate.check(120)
    assert certificate.kept[:, 1].mean() > 0.05
    single = Profiles.from_pairs(np.arange(2), np.array([39, 39]), 2)
    copied = np.tile(np.append(train.histories[8], 39), 2)
    for fakes in (
        random_profiles(budget(2, 8), 0),
        single,
        Profiles.from_pairs(np.repeat(np.arange(2), len(copied) // 2), copied, 2),
    ):
        after, _ = _lists(pore, appended(train, fakes))
        left = (top[:, :, None] == after[:120, None, :]).any(axis=2).sum(axis=1)
        assert (left >= certificate.kept[:, 1]).all()


def _lists(pore: PORE, train: Interactions) -> tuple[Any, Any]:
    """The three best items of every user, and the certificate."""
    protected = pore.fit(ItemKNN(), train, CTX)
    scores = np.where(train.csr.toarray() > 0, -1.0, protected.scorer.score(np.arange(train.n_users)))
    return np.argsort(-scores, axis=1, kind="stable")[:, :3], protected.certificate
