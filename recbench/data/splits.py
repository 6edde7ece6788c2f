"""Four ways to split interactions into train, validation and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recbench.data.interactions import Interactions
from recbench.data.ordering import order_by
from recbench.errors import DataError
from recbench.seeds import numpy_rng


@dataclass(frozen=True, eq=False)
class Split:
    """A partition of the interactions; the three parts share the users and items of the whole."""

    train: Interactions
    validation: Interactions
    test: Interactions


def ratio_split(interactions: Interactions, seed: int, validation: float = 0.1, test: float = 0.1) -> Split:
    """Split every user's interactions at random.

    A user with `n` interactions gives `n * share` of them, rounded half up, to validation and to test;
    validation, then test, gives way where nothing would be left to train on.

    Raises:
        DataError: shares outside [0, 1), or a sum of 1 and more.
    """
    _check_shares(validation, test)
    counts = interactions.user_counts
    n_test = np.minimum(np.floor(counts * test + 0.5), np.maximum(counts - 1, 0)).astype(np.int64)
    n_validation = np.minimum(np.floor(counts * validation + 0.5), np.maximum(counts - n_test - 1, 0)).astype(np.int64)
    place = _places(interactions, _lots(interactions, seed, "ratio-split"))
    in_test = place < n_test[interactions.users]
    return _parts(interactions, in_test, ~in_test & (place < (n_test + n_validation)[interactions.users]))


def temporal_split(interactions: Interactions, validation: float = 0.1, test: float = 0.1) -> Split:
    """Split all interactions at two points in time: the same past and future for everyone.

    Interactions of one second stay together, in the earlier part. Users and items that appear after
    the first cut have nothing to train on.

    Raises:
        DataError: no timestamps, shares outside [0, 1), a sum of 1 and more, or timestamps so equal
            that a part with a share would be empty.
    """
    _check_shares(validation, test)
    times = interactions.timestamps
    if times is None:
        raise DataError("a temporal split needs timestamps, and the data has none; use ratio or leave-one-out")
    ordered = np.sort(times)

    def after(share: float) -> NDArray[np.bool_]:
        """The latest interactions, at most this share of them."""
        before = len(times) - round(len(times) * share)
        return times > ordered[before - 1] if before else np.zeros(len(times), dtype=bool)

    in_test, held_out = after(test), after(validation + test)
    if (test and not in_test.any()) or (validation and not (held_out & ~in_test).any()):
        raise DataError("a temporal split has nothing to test or validate on: too few distinct timestamps; use ratio")
    return _parts(interactions, in_test, held_out & ~in_test)


def leave_one_out(interactions: Interactions, seed: int) -> Split:
    """Test on every user's last interaction, validate on the one before.

    The order is that of time, else the click order of the data. Interactions of one second are ordered
    by lot: item ids would favour old or popular items. Users with fewer than three interactions are
    only trained on.
    """
    if interactions.timestamps is None:
        place = _places(interactions, np.arange(len(interactions)))
    else:
        place = _places(interactions, _lots(interactions, seed, "leave-one-out-ties"), interactions.timestamps)
    counts = interactions.user_counts[interactions.users]
    return _parts(interactions, (counts >= 3) & (place == counts - 1), (counts >= 3) & (place == counts - 2))


def published_split(interactions: Interactions, published: Split, seed: int, validation: float = 0.1) -> Split:
    """The split that the publisher made, cut to `interactions` (binarizing may have taken some away).

    Where the publisher set nothing aside for validation, every user gives that share of the published
    training rows, drawn by lot, so that nothing is ever selected on test.

    Raises:
        DataError: a share outside [0, 1).
    """
    _check_shares(validation, 0.0)
    in_test = published.test.contains(interactions.users, interactions.items)
    if len(published.validation):
        return _parts(interactions, in_test, published.validation.contains(interactions.users, interactions.items))
    drawn = ratio_split(interactions.select(~in_test), seed, validation, test=0.0).validation
    return _parts(interactions, in_test, drawn.contains(interactions.users, interactions.items))


def _check_shares(validation: float, test: float) -> None:
    if min(validation, test) < 0 or validation + test >= 1:
        raise DataError(f"shares of {validation:g} for validation and {test:g} for test leave nothing to train on")


def _lots(interactions: Interactions, seed: int, name: str) -> NDArray[np.int64]:
    """A random permutation that belongs to the pairs themselves, whatever order their rows are in."""
    canonical = order_by(interactions.items, interactions.users)
    lots = np.empty(len(interactions), dtype=np.int64)
    lots[canonical] = numpy_rng(seed, name).permutation(len(interactions))
    return lots


def _places(interactions: Interactions, *order: NDArray[np.int_]) -> NDArray[np.int64]:
    """The rank of each interaction among those of its user, by the last key of `order` first."""
    places = np.empty(len(interactions), dtype=np.int64)
    within = np.arange(len(interactions)) - np.repeat(interactions.indptr[:-1], interactions.user_counts)
    places[order_by(*order, interactions.users)] = within
    return places


def _parts(interactions: Interactions, test: NDArray[np.bool_], validation: NDArray[np.bool_]) -> Split:
    return Split(
        train=interactions.select(~(test | validation)),
        validation=interactions.select(validation),
        test=interactions.select(test),
    )
