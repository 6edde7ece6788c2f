"""The certificate of bagging against brute force: every sample, and every row that a fake could have."""

from collections.abc import Callable
from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from recbench_plugins.defenses.certified.bagging import Intervals, chance_of_none, kept

USERS, ITEMS, SAMPLE = 6, 5, 3


def _lists(rows: NDArray[np.bool_], listed: int) -> NDArray[np.int64]:
    """A base recommender [n, listed]: items that go together with the user's, popular ones first, then by number."""
    together = rows.T.astype(int) @ rows
    scores = rows @ together * 100 + rows.sum(axis=0)
    scores = np.where(rows, -1, scores * 10 - np.arange(rows.shape[1]))
    return np.argsort(-scores, axis=1)[:, :listed]


def _probabilities(rows: NDArray[np.bool_], user: int, listed: int) -> NDArray[np.float64]:
    """Exact q [ITEMS]: how likely a sample with the user lists each item for it."""
    others = [other for other in range(len(rows)) if other != user]
    count, total = np.zeros(ITEMS), 0
    for company in combinations(others, SAMPLE - 1):
        count[_lists(rows[[user, *company]], listed)[0]] += 1
        total += 1
    return count / total


def _certified(q: NDArray[np.float64], candidates: NDArray[np.int64], k: int, fakes: int, listed: int) -> int:
    falling = np.concatenate([np.sort(q[candidates])[::-1], np.full(2 * k, -np.inf)])[None, : 2 * k]
    inside = np.maximum(falling[:, :k], 0.0)
    return int(kept(inside, falling[:, k:], chance_of_none(USERS, SAMPLE, np.array([fakes])), listed)[0, 0])


def _fewest_left(before: NDArray[np.float64], after: NDArray[np.float64], candidates: NDArray[np.int64], k: int) -> int:
    """How many of the k first stay in the k first, where ties fall as badly as they can."""
    top = candidates[np.argsort(-before[candidates], kind="stable")][:k]
    against = sorted(candidates, key=lambda item: (-after[item], item in top))
    return len(set(top) & set(against[:k]))


@pytest.fixture(scope="module", params=[(1, 1), (1, 2), (2, 1), (2, 2)], ids="N'={0[0]}, N={0[1]}".format)
def sizes(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Items that a model lists, and length of the certified list."""
    return request.param  # type: ignore[no-any-return]


def _draw(seed: int) -> NDArray[np.bool_]:
    rows = np.random.default_rng(seed).random((USERS, ITEMS)) < 0.3
    rows[:, 0] |= ~rows.any(axis=1)
    return rows


def test_no_row_of_one_fake_or_of_two_undoes_what_is_certified(sizes: tuple[int, int]) -> None:
    listed, k = sizes
    every_row = [np.array([code >> item & 1 for item in range(ITEMS)], bool) for code in range(1, 2**ITEMS - 1)]
    attacks = {1: [[row] for row in every_row[::2]], 2: list(combinations_with_replacement(every_row[::6], 2))}
    for seed in range(3):
        rows = _draw(seed)
        user = int(np.argmin(rows.sum(axis=1)))
        candidates = np.flatnonzero(~rows[user])
        before = _probabilities(rows, user, listed)
        for fakes, joined in attacks.items():
            promised = _certified(before, candidates, k, fakes, listed)
            for attack in joined:
                after = _probabilities(np.vstack([rows, attack]), user, listed)
                assert _fewest_left(before, after, candidates, k) >= promised


def test_not_even_an_adversary_who_writes_the_lists_of_every_poisoned_model_undoes_it(sizes: tuple[int, int]) -> None:
    """With the probabilities drawn by lot, and the adversary's votes on every set of items in every proportion."""
    listed, k = sizes
    rng = np.random.default_rng(0)
    promised_something = 0
    sets = list(combinations(range(ITEMS), listed))
    mixtures = np.zeros((len(sets) ** 2 * 5, ITEMS))  # two sets of lists, in five proportions
    mixed = ((one, other, share) for one in sets for other in sets for share in np.linspace(0, 1, 5))
    for row, (one, other, share) in zip(mixtures, mixed, strict=True):
        row[list(one)] += share
        row[list(other)] += 1 - share
    for _ in range(100):
        q = rng.dirichlet(np.full(ITEMS, 0.2), listed).sum(axis=0)
        q = np.minimum(q, 1)
        top = np.argsort(-q)[:k]
        for fakes in (1, 2):
            rho = float(chance_of_none(100, 20, np.array([fakes]))[0])
            falling = np.concatenate([np.sort(q)[::-1], np.full(2 * k, -np.inf)])[None, : 2 * k]
            promised = int(kept(falling[:, :k], falling[:, k:], np.array([rho]), listed)[0, 0])
            promised_something += promised > 0
            after = rho * q + (1 - rho) * mixtures
            after[:, top] -= 1e-12  # ties fall as badly as they can
            left = np.isin(np.argsort(-after, axis=1)[:, :k], top).sum(axis=1)
            assert left.min() >= promised
    assert promised_something > 30


def test_a_certificate_can_be_exact() -> None:
    """One item always listed and nothing else: it falls when the fakes are in more than half of the samples."""
    inside, outside = np.array([[1.0]]), np.array([[0.0]])
    none = np.array([0.9, 0.51, 0.5, 0.3])
    assert kept(inside, outside, none, listed=1)[0].tolist() == [1, 1, 0, 0]


def test_the_chance_of_no_fake_is_that_of_drawing_without_replacement() -> None:
    def among(n: int, joined: int) -> float:
        samples = list(combinations(range(n - 1 + joined), SAMPLE - 1))
        return float(np.mean([max(sample) < n - 1 for sample in samples]))

    found = chance_of_none(USERS, SAMPLE, np.array([0, 1, 2, 5]))
    assert found == pytest.approx([among(USERS, joined) for joined in (0, 1, 2, 5)])
    assert chance_of_none(4, 4, np.array([1])) == pytest.approx([1 / 4])


@pytest.mark.parametrize("bound", [lambda low, high: low, lambda low, high: high], ids=["lower", "upper"])
def test_bounds_are_wrong_as_seldom_as_they_say(bound: Callable[..., NDArray[np.float64]]) -> None:
    trials = 60
    low, high = Intervals(0.05, trials).of(np.arange(trials + 1), np.array(trials))
    for p in (0.02, 0.3, 0.95):
        wrong = (low > p) | (high < p)
        one_sided = wrong & ((low > p) if bound(0, 1) == 0 else (high < p))
        assert binom.pmf(np.arange(trials + 1), trials, p)[one_sided].sum() <= 0.05
    assert (low[0], high[-1]) == (0.0, 1.0)
    assert high[0] == pytest.approx(1 - 0.05 ** (1 / trials))


def test_more_votes_and_fewer_fakes_certify_more() -> None:
    rng = np.random.default_rng(1)
    q = -np.sort(-rng.random((200, 10)), axis=1)
    inside, outside = q[:, :5], 0.5 * q[:, 5:]
    none = chance_of_none(900, 30, np.arange(1, 20))
    counts = kept(inside, outside, none, listed=5)
    assert (np.diff(counts, axis=1) <= 0).all()
    assert (kept(np.minimum(1.1 * inside, 1), outside, none, 5) >= counts).all()
    assert counts[:, 0].mean() > counts[:, -1].mean() > 0
