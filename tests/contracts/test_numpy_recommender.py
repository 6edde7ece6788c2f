"""A victim in NumPy and SciPy is as much at home as one in torch."""

from __future__ import annotations

import numpy as np

from recbench.contracts import FitContext, Persistent, Ratings, Scorer

from .models.numpy_svd import PureSVD
from .planted import BLOCK, BLOCKS, SCALE, TARGET, appended, budget, planted, random_profiles


def test_it_has_the_capabilities_and_finds_the_planted_blocks() -> None:
    train = planted()
    fitted = PureSVD().fit(train, FitContext(1))
    assert isinstance(fitted, Scorer)
    assert isinstance(fitted, Persistent)
    scores = fitted.score(np.arange(train.n_users))
    assert scores.shape == (train.n_users, train.n_items)
    assert np.isfinite(scores).all()
    scores[train.csr.toarray() > 0] = -np.inf
    best = scores.argsort(1)[:, -2:] // BLOCK
    assert (best == (np.arange(train.n_users) % BLOCKS)[:, None]).mean() > 0.9


def test_fitting_writes_nothing_into_the_shared_arrays_and_the_same_seed_gives_the_same_model() -> None:
    train = planted(explicit=True)
    assert train.ratings is not None
    arrays = (train.users, train.items, train.ratings)
    before = [array.copy() for array in arrays]
    first, second = (PureSVD().fit(train, FitContext(1)) for _ in range(2))
    assert all(np.array_equal(now, then) for now, then in zip(arrays, before, strict=True))
    assert np.array_equal(first.score(np.arange(9)), second.score(np.arange(9)))


def test_it_predicts_ratings_better_than_the_item_means() -> None:
    train = planted(explicit=True)
    fitted = PureSVD().fit(train, FitContext(1))
    assert isinstance(fitted, Ratings)
    assert train.ratings is not None
    error = np.sqrt(np.mean((fitted.predict(train.users, train.items) - train.ratings) ** 2))
    assert error < 0.8 * np.sqrt(np.mean((fitted.offsets[train.items] - train.ratings) ** 2))


def test_fake_ratings_shift_its_prediction_of_the_target() -> None:
    train, spend = planted(explicit=True), budget(6, explicit=True)
    assert train.ratings is not None
    users, target = np.arange(train.n_users), np.full(train.n_users, TARGET)
    fakes = random_profiles(spend, 0)
    fakes.check(spend)
    clean, poisoned = (PureSVD().fit(data, FitContext(1)) for data in (train, appended(train, fakes)))
    assert (poisoned.predict(users, target) - clean.predict(users, target)).mean() > 0.1 * SCALE.step
