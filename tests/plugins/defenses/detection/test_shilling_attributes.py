"""Shilling attributes: by hand, against loops, and as informative on planted attacks as measured before."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from recbench.contracts import FitContext
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench_plugins.defenses.detection import neighbourhood
from recbench_plugins.defenses.detection.pca_varselect import PCAVarSelect
from recbench_plugins.defenses.detection.shilling_attributes import (
    expected_clicks,
    of_clicks,
    of_ratings,
    shilling_attributes,
)

Dense = NDArray[np.float64]


def interactions(ratings: Dense) -> Interactions:
    """The non-zero entries of a matrix."""
    users, items = np.nonzero(ratings)
    return Interactions(users, items, *ratings.shape, ratings[users, items].astype(np.float32))


TINY = np.array([[5, 3, 0], [4, 0, 2], [0, 3, 0]], dtype=float)
"""Item means 4.5, 3, 2 and popularities 2, 2, 1; lengths 2, 2, 1."""


def test_attributes_of_ratings_have_the_values_worked_out_by_hand() -> None:
    found = of_ratings(interactions(TINY))
    expected = {
        "RDMA": [(0.5 / 2 + 0) / 2, (0.5 / 2 + 0) / 2, 0],
        "WDMA": [(0.5 / 4) / 2, (0.5 / 4) / 2, 0],
        "WDA": [0.25, 0.25, 0],
        # Users 0 and 1 share item 0, liked by both above their means: correlation 1, damped by 1/50; the third is
        # compared with user 0 over item 1, where it does not deviate from its own mean.
        "DegSim": [0.01, 0.01, 0.0],
        "LengthVar": [(1 / 3) / (2 / 3), (1 / 3) / (2 / 3), (2 / 3) / (2 / 3)],
        "MeanVar": [0, 0, 0],  # the only deviation of each is that of the assumed target
        "FMTD": [2, 2, 0],
        "FMV": [0, 0, 0],
        "FMD": [0, 0, 0],
        "TMF": [2 / 3, 2 / 3, 1 / 3],  # the maxima of three profiles: item 0 twice, item 1 once
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-9, err_msg=name)


def test_attributes_of_clicks_have_the_values_worked_out_by_hand() -> None:
    found = of_clicks(binarize(interactions(TINY)))
    log2, weight, rare = np.log(2), np.log(3 / 2), np.log(3)
    # User 0 shares item 0 with user 1 and item 1 with user 2.
    cosines = weight / (np.sqrt(2) * np.hypot(weight, rare)), 1 / np.sqrt(2)
    np.testing.assert_allclose(found["RDMA"], [1 / 2, (1 / 2 + 1) / 2, 1 / 2])
    np.testing.assert_allclose(found["WDMA"], [1 / 4, (1 / 4 + 1) / 2, 1 / 4])
    np.testing.assert_allclose(found["WDA"], [1, 3 / 2, 1 / 2])
    np.testing.assert_allclose(found["DegSim"][0], sum(cosines) / 2)
    np.testing.assert_allclose(found["LengthVar"], [1 / 2, 1 / 2, 1])
    np.testing.assert_allclose(found["MeanVar"], [0, (log2 / 2) ** 2, 0], atol=1e-12)
    # User 2's one neighbour is user 0, who holds item 1: (1 - p) / √(p (1 - p)) at p = 2/3.
    np.testing.assert_allclose(found["TMF"][2], np.sqrt((1 / 3) / (2 / 3)))
    np.testing.assert_allclose(found["FMTD"], [0, log2, 0], atol=1e-12)


def loops(x: Dense) -> dict[str, list[float]]:
    """Every attribute of ratings, a user and an item at a time."""
    n, m = x.shape
    c = [(x[:, i] > 0).sum() for i in range(m)]
    mean = [x[x[:, i] > 0, i].mean() if c[i] else 0.0 for i in range(m)]
    holds = [[i for i in range(m) if x[u, i] > 0] for u in range(n)]
    tops = [[i for i in holds[u] if x[u, i] == max(x[u, j] for j in holds[u])] for u in range(n)]
    total = sum(len(t) for t in tops)
    lengths = [len(h) for h in holds]
    average = sum(lengths) / n

    def pearson(u: int, v: int) -> float:
        common = [i for i in holds[u] if i in holds[v]]
        mu, mv = (np.mean([x[w, i] for i in holds[w]]) if holds[w] else 0.0 for w in (u, v))
        a, b = [x[u, i] - mu for i in common], [x[v, i] - mv for i in common]
        spread = sum(p * p for p in a) * sum(q * q for q in b)
        return 0.0 if spread <= 1e-12 else sum(map(np.multiply, a, b)) / spread**0.5 * min(len(common), 50) / 50

    rows: dict[str, list[float]] = {}
    for u in range(n):
        gap = {i: abs(x[u, i] - mean[i]) for i in holds[u]}
        rest = [i for i in holds[u] if i not in tops[u]]
        d = max(len(holds[u]), 1)
        similar = sorted((pearson(u, v) for v in range(n) if v != u), reverse=True)[:25]
        without = [sum(g * g for j, g in gap.items() if j != i) for i in holds[u]]
        row = {
            "RDMA": sum(g / c[i] for i, g in gap.items()) / d,
            "WDMA": sum(g / c[i] ** 2 for i, g in gap.items()) / d,
            "WDA": sum(g / c[i] for i, g in gap.items()),
            "DegSim": float(np.mean(similar)),
            "LengthVar": abs(lengths[u] - average) / max(sum((k - average) ** 2 for k in lengths), 1e-12),
            "MeanVar": min(without, default=0.0) / max(d - 1, 1),
            "FMTD": abs(np.mean([x[u, i] for i in tops[u]]) - np.mean([x[u, i] for i in rest])) if rest else 0.0,
            "FMV": float(np.mean([gap[i] ** 2 for i in rest])) if rest else 0.0,
            "FMD": float(np.mean([gap[i] for i in rest])) if rest else 0.0,
            "TMF": max((sum(i in t for t in tops) / total for i in tops[u]), default=0.0),
        }
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    return rows


def click_loops(x: Dense) -> dict[str, list[float]]:
    """Every attribute of clicks but FMV, a user and an item at a time."""
    n, m = x.shape
    c = [(x[:, i] > 0).sum() for i in range(m)]
    holds = [[i for i in range(m) if x[u, i] > 0] for u in range(n)]
    idf = [np.log(n / max(k, 1)) for k in c]

    def cosine(u: int, v: int) -> float:
        product = sum(idf[i] ** 2 for i in holds[u] if i in holds[v])
        norm = (sum(idf[i] ** 2 for i in holds[u]) * sum(idf[i] ** 2 for i in holds[v])) ** 0.5
        return round(product / norm, 10) if norm > 0 else 0.0

    rows: dict[str, list[float]] = {}
    for u in range(n):
        similar = {v: cosine(u, v) for v in range(n) if v != u}
        best = sorted(similar.values(), reverse=True)[:25]
        weights = {v: 1.0 for v, s in similar.items() if s > best[-1]}
        tied = [v for v, s in similar.items() if s == best[-1] and s > 0]
        weights |= {v: (len(best) - len(weights)) / len(tied) for v in tied}
        weights = {v: w for v, w in weights.items() if similar[v] > 0}
        k = sum(weights.values())
        z = {}
        for i in holds[u]:
            p = c[i] / n
            spread = (k * p * (1 - p)) ** 0.5
            z[i] = (
                round((sum(w for v, w in weights.items() if i in holds[v]) - k * p) / spread, 9) if spread > 1e-9 else 0
            )
        focus = min(z, key=lambda i: (-z[i], i)) if z else None
        logs = {i: np.log(c[i]) for i in holds[u]}
        others = [value for i, value in logs.items() if i != focus]
        d = max(len(holds[u]), 1)
        row = {
            "RDMA": sum(1 / c[i] for i in holds[u]) / d,
            "WDMA": sum(1 / c[i] ** 2 for i in holds[u]) / d,
            "WDA": sum(1 / c[i] for i in holds[u]),
            "DegSim": float(np.mean(best)),
            "MeanVar": float(np.var(list(logs.values()))) if logs else 0.0,
            "FMTD": abs(logs[focus] - np.mean(others)) if focus is not None and others else 0.0,
            "TMF": max(z.values(), default=0.0),
        }
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    return rows


matrices = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        np.random.default_rng(seed).integers(1, 6, (30, 25))
        * (np.random.default_rng(seed + 1).random((30, 25)) < np.random.default_rng(seed).uniform(0, 0.7, (30, 1)))
    ).astype(float)
)
"""30 users, more than there are neighbours; some have nothing, and ties abound."""


@settings(max_examples=15, deadline=None)
@given(matrices)
def test_attributes_of_ratings_equal_those_of_a_loop(x: Dense) -> None:
    found = of_ratings(interactions(x))
    expected = loops(x)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6, err_msg=name)


@settings(max_examples=15, deadline=None)
@given(matrices)
def test_attributes_of_clicks_equal_those_of_a_loop(x: Dense) -> None:
    found = of_clicks(binarize(interactions(x)))
    expected = click_loops(x)
    assert found.keys() == expected.keys() | {"LengthVar", "FMV"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6, err_msg=name)


def test_expected_clicks_are_those_of_a_dense_truncated_decomposition() -> None:
    rng = np.random.default_rng(0)
    x = (rng.random((60, 45)) < 0.3).astype(float)
    data = interactions(x)
    u, s, vt = np.linalg.svd(x)
    smooth = (u[:, :2] * s[:2]) @ vt[:2]  # 45 items allow for two dimensions
    np.testing.assert_allclose(expected_clicks(data), smooth[data.users, data.items], atol=1e-9)


def test_blocks_of_users_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    data = interactions((rng.integers(1, 6, (40, 30)) * (rng.random((40, 30)) < 0.4)).astype(float))
    whole = of_ratings(data), of_clicks(data)
    monkeypatch.setattr(neighbourhood, "CELLS", 7 * 40)
    for before, after in zip(whole, (of_ratings(data), of_clicks(data)), strict=True):
        for name in before:
            np.testing.assert_array_equal(before[name], after[name], err_msg=name)


REFERENCE = {
    "ml-100k": {
        "RDMA": (1.0, 0.97, 0.99),
        "WDMA": (1.0, 0.98, 1.0),
        "WDA": (0.99, 0.90, 0.99),
        "inverse popularity": (1.0, 1.0, 1.0),
        "LengthVar": (0.0, 0.0, 0.0),
        "DegSim of clicks": (0.0, 0.0, 0.0),
        "neighbourhood focus": (0.62, 0.62, 0.59),
        "PCA": (1.0, 1.0, 1.0),
    },
    "filmtrust": {
        "RDMA": (0.98, 0.91, 0.97),
        "WDMA": (0.98, 0.93, 0.96),
        "WDA": (0.96, 0.93, 0.95),
        "inverse popularity": (0.97, 0.97, 0.95),
        "LengthVar": (0.02, 0.02, 0.02),
        "DegSim of clicks": (0.03, 0.03, 0.04),
        "neighbourhood focus": (0.83, 0.83, 0.84),
        "PCA": (0.96, 0.96, 0.95),
    },
}
"""AUCs that other code measured on all interactions: random, average and bandwagon at 3%, fakes of mean length."""
TOLERANCE = 0.1


@pytest.mark.parametrize("attack", ["random", "average", "bandwagon"])
@pytest.mark.parametrize("name", ["ml-100k", "filmtrust"])
def test_each_attribute_tells_planted_fakes_as_well_as_measured_before(
    poisoned: Callable[..., Any], name: str, attack: str
) -> None:
    data, fake = poisoned(name, 0.03, attack, mean_length=True)
    rated, clicked = of_ratings(data), of_clicks(data)
    suspicion = {attribute: rated[attribute] for attribute in ("RDMA", "WDMA", "WDA", "LengthVar")} | {
        "inverse popularity": clicked["RDMA"],
        "DegSim of clicks": clicked["DegSim"],
        "neighbourhood focus": clicked["TMF"],
        "PCA": PCAVarSelect().inspect(data, FitContext(seed=0)).suspicion,
    }
    column = ["random", "average", "bandwagon"].index(attack)
    found = {attribute: roc_auc_score(fake, values) for attribute, values in suspicion.items()}
    expected = {attribute: aucs[column] for attribute, aucs in REFERENCE[name].items()}
    assert found == pytest.approx(expected, abs=TOLERANCE)


def test_the_track_decides_on_the_variant() -> None:
    data = interactions(TINY)
    assert "FMD" in shilling_attributes(data)
    assert "FMD" not in shilling_attributes(binarize(data))
