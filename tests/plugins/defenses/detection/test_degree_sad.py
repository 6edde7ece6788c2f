"""DegreeSAD: features by hand, labelled and simulated examples, and what it finds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from recbench.contracts import FitContext, Profiles
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection.degree_sad import DegreeSAD, popularity_features, simulate

CTX = FitContext(seed=0)


def test_features_are_mean_range_and_lower_quartile_of_the_popularities() -> None:
    # Popularities of the items 0..4: 4, 3, 2, 1, 1.
    rows = [[0, 1, 2, 3, 4], [0, 1, 2], [0, 1], [0], []]
    users = np.repeat(np.arange(5), [len(row) for row in rows])
    data = Interactions(users, np.concatenate(rows).astype(np.int32), 5, 5)
    expected = [[11 / 5, 3, 1], [3, 2, 2], [3.5, 1, 3], [4, 0, 4], [0, 0, 0]]
    np.testing.assert_allclose(popularity_features(data), expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_features_equal_those_of_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((15, 12)) < rng.uniform(0, 0.8, (15, 1)))
    data = Interactions(users, items, 15, 12)
    for user, found in enumerate(popularity_features(data)):
        own = sorted(int(data.item_counts[item]) for item in items[users == user])
        expected = [np.mean(own), own[-1] - own[0], own[(len(own) - 1) // 4]] if own else [0, 0, 0]
        np.testing.assert_allclose(found, expected)


def test_simulated_fakes_have_genuine_lengths_distinct_items_and_a_cold_target(
    genuine: dict[str, Interactions],
) -> None:
    data = genuine["filmtrust"]
    profiles = simulate(data, seed=0)
    assert len(profiles) == round(0.3 * data.n_users)
    lengths = profiles.histories.lengths
    assert set(lengths) <= set(data.user_counts)
    rows = profiles.histories.rows
    assert len(set(zip(rows.tolist(), profiles.items.tolist(), strict=True))) == len(rows)
    uniform = np.bincount(profiles.items[rows % 2 == 1], minlength=data.n_items)
    targets = np.argsort(-uniform)[:5]
    assert (data.item_counts[targets] <= np.quantile(data.item_counts, 0.3)).all()
    assert uniform[targets].sum() >= len(profiles) // 2
    popular = np.bincount(rows, data.item_counts[profiles.items]) / lengths
    assert np.median(popular[::2]) > 3 * np.median(popular[1::2])


def _fakes(poisoned: Callable[..., Any], attack: str) -> Profiles:
    """Those of another attack, of another target."""
    data, fake = poisoned("ml-100k", 0.1, attack=attack, seed=6)
    rows = np.flatnonzero(fake[data.users])
    place = np.cumsum(fake) - 1
    return Profiles.from_pairs(place[data.users[rows]], data.items[rows], int(fake.sum()))


def test_examples_are_what_is_learned_from_and_nobody_judges_them(poisoned: Callable[..., Any]) -> None:
    data, fake = poisoned("ml-100k", 0.03, attack="popular")
    alike, unlike = (replace(CTX, examples=_fakes(poisoned, attack)) for attack in ("popular", "random"))
    verdict = DegreeSAD().inspect(data, alike)
    verdict.check(data.n_users)
    assert roc_auc_score(fake, verdict.suspicion) > 0.9
    assert roc_auc_score(fake, DegreeSAD().inspect(data, unlike).suspicion) < 0.5


def test_relabelled_users_get_the_same_verdict_by_the_same_examples(
    poisoned: Callable[..., Any], relabelled: Callable[..., Any]
) -> None:
    data, _ = poisoned("ml-100k", 0.03)
    ctx = replace(CTX, examples=_fakes(poisoned, "bandwagon"))
    other, ids = relabelled(data)
    first, second = (DegreeSAD().inspect(each, ctx) for each in (data, other))
    np.testing.assert_allclose(second.suspicion[ids], first.suspicion, atol=1e-12)
    np.testing.assert_array_equal(second.keep[ids], first.keep)


@pytest.mark.parametrize(("name", "auc"), [("ml-100k", 0.95), ("filmtrust", 0.75)])
def test_uniform_fillers_are_found_by_simulation(poisoned: Callable[..., Any], name: str, auc: float) -> None:
    data, fake = poisoned(name, 0.03)
    assert roc_auc_score(fake, DegreeSAD().inspect(data, CTX).suspicion) > auc


@pytest.mark.parametrize("name", ["ml-100k", "filmtrust"])
def test_few_genuine_users_are_removed_where_nobody_attacked(genuine: dict[str, Interactions], name: str) -> None:
    assert (~DegreeSAD().inspect(genuine[name], CTX).keep).mean() < 0.02


def test_relabelled_users_in_another_order_get_the_same_verdict_with_or_without_ratings(
    poisoned: Callable[..., Any], relabelled: Callable[..., Any]
) -> None:
    data, _ = poisoned("filmtrust", 0.03)
    other, ids = relabelled(binarize(data))
    first, second = (DegreeSAD(trees=3).inspect(each, CTX) for each in (data, other))
    np.testing.assert_allclose(second.suspicion[ids], first.suspicion, atol=1e-12)
    np.testing.assert_array_equal(second.keep[ids], first.keep)


def test_who_has_nothing_is_not_suspected(genuine: dict[str, Interactions]) -> None:
    data = genuine["filmtrust"]
    verdict = DegreeSAD(trees=2).inspect(replace(data, n_users=data.n_users + 1), CTX)
    assert verdict.suspicion[-1] == 0
    assert verdict.keep[-1]
