"""We play a defense that looks for traces of the harness, not of the attack, and must find none.

Every statistic below is one that tells fakes from genuine users where a harness appends them naively. Each
is tried on the same attack twice: as recbench injects it, where its AUC over many injections must be within
three standard errors of one half, and appended naively, where it must be off by a tenth at least.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from recbench.contracts import FitContext, Profiles, RatingScale
from recbench.data.interactions import Interactions
from recbench.data.splits import Split
from recbench.evaluation.audience import Audience
from recbench.evaluation.detection import roc_auc
from recbench.evaluation.ranking import rank
from recbench.evaluation.ratings import rmse
from recbench.matrix.injection import Poisoned, draw_templates, inject
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import context
from recbench.seeds import numpy_rng

INJECTIONS = 24
SIZE = 0.03
ARGUMENTS = {"device": "cpu", "threads": 1, "seed": 0, "dataset": "ml-100k"}

Statistic = Callable[[Interactions], NDArray[np.float64]]


class Recorder:
    """A fitted model that only notes whom it is asked about."""

    def __init__(self, n_items: int) -> None:
        self.asked: list[NDArray[np.int64]] = []
        self._n_items = n_items

    def score(self, users):
        self.asked.append(np.array(users))
        return np.zeros((len(users), self._n_items), dtype=np.float32)


def attack(train: Interactions, seed: int, sizes: NDArray[np.int64]) -> Profiles:
    """Fakes whose content is random, so that whatever tells them apart is the harness."""
    rng = numpy_rng(seed, "attack")
    rows = np.repeat(np.arange(len(sizes)), sizes)
    items = np.concatenate([rng.choice(train.n_items, size, replace=False) for size in sizes])
    return Profiles.from_pairs(rows, items, len(sizes))


@pytest.fixture(scope="module")
def injections(prepared: Prepared) -> list[Poisoned]:
    train, made = prepared.train, []
    for seed in range(INJECTIONS):
        templates = draw_templates(train, round(SIZE * train.n_users), seed)
        made.append(inject(train, attack(train, seed, train.user_counts[templates]), templates, seed))
    return made


@pytest.fixture(scope="module")
def naive(prepared: Prepared) -> Poisoned:
    """What a harness without protection does: fakes last, of mean length, with timestamps copied from one user."""
    train = prepared.train
    n, m = train.n_users, round(SIZE * train.n_users)
    length = round(train.user_counts.mean())
    profiles = attack(train, 0, np.full(m, length))
    lender = int(np.flatnonzero(train.user_counts >= length)[0])
    assert train.timestamps is not None
    lent = train.timestamps[train.indptr[lender] :][:length]
    data = Interactions(
        users=np.concatenate([train.users, n + profiles.histories.rows]),
        items=np.concatenate([train.items, profiles.items]),
        n_users=n + m,
        n_items=train.n_items,
        timestamps=np.concatenate([train.timestamps, np.tile(lent, m)]),
    )
    return Poisoned(data, np.arange(n + m), n, seed=0)


def fakes(poisoned: Poisoned) -> NDArray[np.bool_]:
    """The truth, by public number."""
    fake = np.zeros(len(poisoned.public_id), dtype=bool)
    fake[poisoned.public_id[poisoned.n_genuine :]] = True
    return fake


def chance(poisoned: Poisoned, trials: int) -> float:
    """Three standard errors of a mean AUC under chance (Mann-Whitney; ties make it smaller)."""
    n, users = poisoned.n_genuine, len(poisoned.public_id)
    m = users - n
    return float(3 * np.sqrt((users + 1) / (12 * n * m) / trials))


def per_user(data: Interactions, values: NDArray[np.integer | np.floating], how: str) -> NDArray[np.float64]:
    """Minimum, maximum or mean of one value an interaction over each user; ml-100k has no user without any."""
    if how == "mean":
        return np.bincount(data.users, values, data.n_users) / data.user_counts
    reduce = {"min": np.minimum, "max": np.maximum}[how]
    return reduce.reduceat(values, data.indptr[:-1]).astype(np.float64)


def stamps(data: Interactions) -> NDArray[np.int64]:
    assert data.timestamps is not None
    return data.timestamps


def shared_stamps(data: Interactions) -> NDArray[np.float64]:
    """The share of a user's timestamps that another user has too."""
    _, which = np.unique(stamps(data), return_inverse=True)
    users_of = np.bincount(np.unique(which * data.n_users + data.users) // data.n_users)
    return per_user(data, users_of[which] > 1, "mean")


def same_history_of_gaps(data: Interactions) -> NDArray[np.float64]:
    """How many users have exactly the user's sequence of gaps."""
    gaps = [
        np.diff(stamps(data)[start:end]).tobytes() for start, end in zip(data.indptr, data.indptr[1:], strict=False)
    ]
    _, which, counts = np.unique(np.array(gaps, dtype=object), return_inverse=True, return_counts=True)
    return counts[which].astype(np.float64)


def crowd_of_the_hour(data: Interactions) -> NDArray[np.float64]:
    """How busy the hours of the day are in which the user clicks."""
    hours = stamps(data) // 3600 % 24
    return per_user(data, np.bincount(hours, minlength=24)[hours], "mean")


def crowd_of_the_moment(data: Interactions) -> NDArray[np.float64]:
    """How many clicks of anyone fall within half an hour of the user's."""
    times = np.sort(stamps(data))
    near = np.searchsorted(times, stamps(data) + 1800) - np.searchsorted(times, stamps(data) - 1800)
    return per_user(data, near, "mean")


def equal_lengths(data: Interactions) -> NDArray[np.float64]:
    """Whether more users have exactly the user's length than one finds by chance."""
    return (np.bincount(data.user_counts)[data.user_counts] > 0.02 * data.n_users).astype(np.float64)


STATISTICS: dict[str, Statistic] = {
    "the id": lambda data: np.arange(data.n_users, dtype=np.float64),
    "the position of the rows": lambda data: per_user(data, np.arange(len(data)), "mean"),
    "the first timestamp": lambda data: per_user(data, stamps(data), "min"),
    "the last timestamp": lambda data: per_user(data, stamps(data), "max"),
    "the mean timestamp": lambda data: per_user(data, stamps(data), "mean"),
    "timestamps of another user": shared_stamps,
    "gaps of another user": same_history_of_gaps,
    "the hour of the day": crowd_of_the_hour,
    "the crowd of the moment": crowd_of_the_moment,
    "the length": lambda data: data.user_counts.astype(np.float64),
    "equal lengths": equal_lengths,
}


@pytest.mark.parametrize("name", STATISTICS)
def test_a_trace_of_the_harness_tells_nobody_who_is_fake(
    name: str, injections: list[Poisoned], naive: Poisoned
) -> None:
    statistic = STATISTICS[name]
    found = [roc_auc(statistic(each.data), fakes(each)) for each in injections]
    assert abs(np.mean(found) - 0.5) < chance(injections[0], INJECTIONS)
    assert abs(roc_auc(statistic(naive.data), fakes(naive)) - 0.5) > 0.1


def asked(poisoned: Poisoned, ask: Callable[[Recorder], object]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each public user is asked about, and at which position first."""
    recorder = Recorder(poisoned.data.n_items)
    ask(recorder)
    users = np.concatenate(recorder.asked)
    first = np.full(poisoned.data.n_users, len(users))
    np.minimum.at(first, users, np.arange(len(users)))
    return np.bincount(users, minlength=poisoned.data.n_users).astype(np.float64), first.astype(np.float64)


def validating(prepared: Prepared, poisoned: Poisoned) -> Callable[[Recorder], object]:
    surroundings: FitContext = context(prepared, poisoned, ARGUMENTS, seed=1)
    assert surroundings.validate is not None
    return surroundings.validate


def test_validation_asks_about_everybody_once_in_an_order_that_tells_nothing(
    prepared: Prepared, injections: list[Poisoned]
) -> None:
    found = []
    for each in injections:
        times, position = asked(each, validating(prepared, each))
        assert (times == 1).all()
        found.append(roc_auc(position, fakes(each)))
    assert abs(np.mean(found) - 0.5) < chance(injections[0], INJECTIONS)


def test_ranking_asks_about_everybody_once_in_an_order_that_tells_nothing(
    prepared: Prepared, injections: list[Poisoned]
) -> None:
    found = []
    for each in injections:
        times, position = asked(
            each, lambda scorer, each=each: rank(scorer, each.audience, prepared.consumed, 1682, np.array([0]), 10, 0)
        )
        assert (times == 1).all()
        found.append(roc_auc(position, fakes(each)))
    assert abs(np.mean(found) - 0.5) < chance(injections[0], INJECTIONS)


def test_asking_about_genuine_users_only_would_name_every_fake(prepared: Prepared, injections: list[Poisoned]) -> None:
    poisoned = injections[0]
    n = poisoned.n_genuine
    genuine_only = Audience(poisoned.public_id[:n], np.arange(n))
    times, _ = asked(poisoned, lambda scorer: rank(scorer, genuine_only, prepared.consumed, 1682, np.array([0]), 10, 0))
    assert roc_auc(-times, fakes(poisoned)) == 1


def test_users_in_injected_order_would_name_every_fake(prepared: Prepared, injections: list[Poisoned]) -> None:
    poisoned = injections[0]
    rows = np.where(np.arange(len(poisoned.public_id)) < poisoned.n_genuine, np.arange(len(poisoned.public_id)), -1)
    unshuffled = Audience(poisoned.public_id, rows)
    _, position = asked(
        poisoned, lambda scorer: rank(scorer, unshuffled, prepared.consumed, 1682, np.array([0]), 10, 0)
    )
    assert roc_auc(position, fakes(poisoned)) == 1


def test_the_quality_on_validation_is_that_of_the_same_model_without_fakes(
    prepared: Prepared, injections: list[Poisoned]
) -> None:
    scores = numpy_rng(0, "scores").random((prepared.train.n_users, prepared.train.n_items)).astype(np.float32)

    class Known:
        """Scores genuine users by their clean number, fakes at random."""

        def __init__(self, poisoned: Poisoned) -> None:
            fake = np.ones((len(poisoned.public_id) - poisoned.n_genuine, scores.shape[1]), dtype=np.float32)
            self._table = np.empty((len(poisoned.public_id), scores.shape[1]), dtype=np.float32)
            self._table[poisoned.public_id] = np.concatenate([scores, fake])

        def score(self, users):
            return self._table[users]

    clean = inject(prepared.train, Profiles.empty(), np.zeros(0, np.int64), seed=5)
    qualities = {validating(prepared, each)(Known(each)) for each in (clean, *injections[:2])}
    assert len(qualities) == 1


def test_who_predicts_ratings_is_validated_by_their_error_where_there_are_any_and_everybody_is_asked_once(
    prepared: Prepared,
) -> None:
    class Rating(Recorder):
        """Rates everything 0: below the scale."""

        def predict(self, users, items):
            raise AssertionError("pairs tell who has validation rows")

    rng = numpy_rng(0, "ratings")
    parts = [getattr(prepared.split, name) for name in ("train", "validation", "test")]
    rated = [replace(part, ratings=rng.integers(1, 6, len(part)).astype(np.float32)) for part in parts]
    explicit = replace(prepared, split=Split(*rated), scale=RatingScale(1, 5, 1))
    clean = inject(explicit.train, Profiles.empty(), np.zeros(0, np.int64), seed=5)
    surroundings = context(explicit, clean, ARGUMENTS, seed=1)
    assert surroundings.validate is not None
    scorer = Rating(1682)
    validation = explicit.split.validation.ratings
    assert validation is not None
    assert surroundings.validate(scorer) == pytest.approx(-rmse(np.ones(len(validation)), validation))
    assert sorted(np.concatenate(scorer.asked)) == list(range(explicit.train.n_users))
    assert surroundings.validate(Recorder(1682)) >= 0
    assert validating(prepared, clean)(Rating(1682)) >= 0


def test_the_context_is_the_same_with_and_without_fakes(prepared: Prepared, injections: list[Poisoned]) -> None:
    clean = inject(prepared.train, Profiles.empty(), np.zeros(0, np.int64), seed=5)
    contexts = [context(prepared, each, ARGUMENTS, seed=1) for each in (clean, injections[0])]
    assert replace(contexts[0], validate=None) == replace(contexts[1], validate=None)
