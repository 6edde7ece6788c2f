"""PCA-VarSelect: against a dense decomposition, under relabelling, and on poisoned real data."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from recbench.contracts import FitContext, RecbenchError
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection import pca_varselect
from recbench_plugins.defenses.detection.pca_varselect import PCAVarSelect

Variant = Literal["binary", "ratings"]
CTX = FitContext(seed=0)
both = pytest.mark.parametrize("variant", ["binary", "ratings"])


@pytest.fixture(scope="module")
def small() -> Interactions:
    """60 users and 40 items; user 59 has nothing, user 58 rates everything alike."""
    rng = np.random.default_rng(1)
    users, items = np.nonzero(rng.random((59, 40)) < rng.uniform(0.1, 0.7, (59, 1)))
    ratings = np.where(users == 58, 3, rng.integers(1, 6, len(users)))
    return Interactions(users, items, 60, 40, ratings.astype(np.float32))


def standardized(data: Interactions, variant: Variant) -> NDArray[np.float64]:
    """The dense matrix that is decomposed: a user at a time."""
    x, ratings = data.csr.toarray().astype(float), data.ratings_csr.toarray().astype(float)
    rows = np.zeros_like(x)
    for u in range(len(x)):
        has = x[u] > 0
        if not has.any():
            continue
        if variant == "ratings" and ratings[u, has].std() > 0:
            rows[u, has] = (ratings[u, has] - ratings[u, has].mean()) / ratings[u, has].std()
        else:
            rows[u] = (x[u] - x[u].mean()) / x[u].std()
    return rows


@both
def test_suspicion_is_the_negative_sum_of_squared_loadings(small: Interactions, variant: Variant) -> None:
    z = standardized(small, variant)
    vectors = np.linalg.eigh(z @ z.T)[1][:, -3:]
    suspicion = PCAVarSelect(variant=variant).inspect(small, CTX).suspicion
    np.testing.assert_allclose(suspicion[:59], -(vectors[:59] ** 2).sum(axis=1), atol=1e-9)


@both
def test_who_has_nothing_is_the_least_suspicious_and_stays(small: Interactions, variant: Variant) -> None:
    verdict = PCAVarSelect(variant=variant).inspect(small, CTX)
    verdict.check(60)
    assert verdict.suspicion[59] == verdict.suspicion.min()
    assert verdict.keep[59]


@both
@pytest.mark.parametrize("name", ["ml-100k", "filmtrust"])
def test_relabelled_users_in_another_order_get_the_same_verdict(
    poisoned: Callable[..., Any], name: str, variant: Variant
) -> None:
    data, _ = poisoned(name, 0.03)
    rng = np.random.default_rng(9)
    ids, rows = rng.permutation(data.n_users), rng.permutation(len(data))
    other = Interactions(ids[data.users[rows]], data.items[rows], data.n_users, data.n_items, data.ratings[rows])
    detector = PCAVarSelect(variant=variant)
    first, second = detector.inspect(data, CTX), detector.inspect(other, replace(CTX, seed=1))
    np.testing.assert_allclose(second.suspicion[ids], first.suspicion, atol=1e-9)
    np.testing.assert_array_equal(second.keep[ids], first.keep)


def test_the_sign_of_an_eigenvector_does_not_matter(small: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    before = PCAVarSelect().inspect(small, CTX).suspicion
    decompose = pca_varselect.svds

    def flipped(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        u, s, vt = decompose(*args, **kwargs)
        signs = np.array([-1.0, 1.0, -1.0])
        return u * signs, s, vt * signs[:, None]

    monkeypatch.setattr(pca_varselect, "svds", flipped)
    np.testing.assert_array_equal(PCAVarSelect().inspect(small, CTX).suspicion, before)


def test_the_same_seed_gives_the_same_bits(small: Interactions) -> None:
    first, again = (PCAVarSelect().inspect(small, CTX).suspicion for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_the_binary_variant_reads_no_ratings_and_the_other_only_their_shape(small: Interactions) -> None:
    def suspicion(data: Interactions, variant: Variant) -> NDArray[np.floating[Any]]:
        return PCAVarSelect(variant=variant).inspect(data, CTX).suspicion

    assert small.ratings is not None
    stretched = replace(small, ratings=2 * small.ratings + 1)
    np.testing.assert_array_equal(suspicion(binarize(small), "binary"), suspicion(small, "binary"))
    np.testing.assert_allclose(suspicion(stretched, "ratings"), suspicion(small, "ratings"), atol=1e-6)


def test_the_ratings_variant_names_the_track_it_needs(small: Interactions) -> None:
    with pytest.raises(RecbenchError, match="use variant 'binary'"):
        PCAVarSelect(variant="ratings").inspect(binarize(small), CTX)


@pytest.mark.parametrize(("name", "auc"), [("ml-100k", 0.99), ("filmtrust", 0.93)])
def test_a_random_attack_of_three_percent_is_found_and_removed(
    poisoned: Callable[..., Any], name: str, auc: float
) -> None:
    data, fake = poisoned(name, 0.03)
    verdict = PCAVarSelect().inspect(data, CTX)
    verdict.check(data.n_users)
    assert roc_auc_score(fake, verdict.suspicion) > auc
    assert not verdict.keep[fake].any()
    assert (~verdict.keep[~fake]).mean() < 0.01


def test_an_attack_of_one_percent_is_removed_from_dense_data(poisoned: Callable[..., Any]) -> None:
    data, fake = poisoned("ml-100k", 0.01)
    keep = PCAVarSelect().inspect(data, CTX).keep
    assert not keep[fake].any()
    assert (~keep[~fake]).mean() < 0.01


@pytest.mark.parametrize("name", ["ml-100k", "filmtrust"])
def test_nobody_is_removed_where_nobody_attacked(genuine: dict[str, Interactions], name: str) -> None:
    assert PCAVarSelect().inspect(genuine[name], CTX).keep.all()


def test_where_everybody_has_everything_nobody_is_suspicious() -> None:
    users, items = np.divmod(np.arange(30 * 8), 8)
    verdict = PCAVarSelect().inspect(Interactions(users, items, 30, 8), FitContext(seed=0))
    assert (verdict.suspicion == 0).all()
    assert verdict.keep.all()
