"""NeuMF: its scores and its loss are those of the paper, pair by pair, and it learns."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import BLOCK, budget, planted, random_profiles
from scipy.special import erf

from recbench.contracts import FitContext, Params, Recommender, RelaxedProfiles, torch_rng
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders import neumf
from recbench_plugins.recommenders.neumf import NeuMF
from recbench_plugins.recommenders.triples import Triples

SMALL = NeuMF(dim=3, layers=2, negatives=2, lr=0.05, l2=0.3, epochs=3, batch_size=32)
CTX = FitContext(seed=0)


def _drawn(params: Params) -> Params:
    """Parameters without structure; a fresh initialization has no biases."""
    return {name: 0.7 * torch.randn(table.shape, generator=torch_rng(3, name)) for name, table in params.items()}


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + erf(x / math.sqrt(2))) / 2


def _score(params: Params, user: int, item: int) -> float:
    """Of one pair, by the paper's equations 7, 10 and 11."""
    p = {name: table.double().numpy() for name, table in params.items()}
    x = np.concatenate([p["deep-users"][user], p["deep-items"][item]])
    x = _gelu(x @ p["first"] + p["first-bias"][0])
    x = _gelu(x @ p["layer-1"] + p["layer-1-bias"][0])
    both = np.concatenate([p["users"][user] * p["items"][item], x])
    return float(both @ p["output"][:, 0])


def test_the_scores_are_those_of_the_paper(small: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    users = [3, 49, 0, 3]
    expected = [[_score(params, user, item) for item in range(20)] for user in users]
    for cells in (neumf.CELLS, 1):  # all users at once, and one at a time
        monkeypatch.setattr(neumf, "CELLS", cells)
        scores = problem.scores(problem.encode(params), torch.tensor(users))
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_the_layers_halve_from_the_factors_to_the_last(small: Interactions) -> None:
    shapes = {name: tuple(table.shape) for name, table in NeuMF(dim=4, layers=3).problem(small, CTX).init(0).items()}
    assert shapes["deep-users"] == (50, 16)
    assert [shapes[name] for name in ("first", "layer-1", "layer-2")] == [(32, 16), (16, 8), (8, 4)]
    assert "layer-1" not in NeuMF(dim=4, layers=1).problem(small, CTX).init(0)


def test_the_loss_is_the_cross_entropy_of_an_interaction_and_its_negatives_weighted_by_the_fakes() -> None:
    data = planted(n_users=12)
    fakes = RelaxedProfiles.of(random_profiles(budget(3, 5), 0), data.n_items)
    weights = torch.linspace(0.5, 1, 15)
    problem = SMALL.problem(data, CTX, replace(fakes, weights=weights))
    params = _drawn(problem.init(0))
    seen = 0
    for batch in problem.batches(seed=1, epoch=0):
        losses = problem.losses(problem.encode(params), batch)
        assert batch.entry is not None
        for k, user in enumerate(batch.users.tolist()):
            right = _score(params, user, int(batch.positives[k]))
            wrong = [_score(params, user, int(item)) for item in batch.negatives[2 * k : 2 * k + 2]]
            loss = np.logaddexp(0, -right) + np.logaddexp(0, wrong).sum()
            entry = int(batch.entry[k])
            assert float(losses[k]) == pytest.approx(loss * (float(weights[entry]) if entry >= 0 else 1), rel=1e-4)
            seen += entry >= 0
    assert seen == 15


def test_an_epoch_holds_every_interaction_once_with_negatives_of_its_user_drawn_anew(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    epochs = [list(problem.batches(0, epoch)) for epoch in (0, 1)]
    for batches in epochs:
        pairs = [pair for b in batches for pair in zip(b.users.tolist(), b.positives.tolist(), strict=True)]
        assert sorted(pairs) == sorted(zip(small.users.tolist(), small.items.tolist(), strict=True))
        for b in batches:
            users = b.users.repeat_interleave(2).numpy()
            assert not small.contains(users, b.negatives.numpy()).any()
    assert not torch.equal(epochs[0][0].negatives, epochs[1][0].negatives)


def test_the_penalty_is_on_the_rows_that_a_step_samples(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    batch = Triples(torch.tensor([4, 7]), 0, torch.tensor([1, 2]), torch.tensor([5, 6, 5, 2]), None)
    rows = [*((side, row) for side in ("users", "deep-users") for row in (4, 7))]
    rows += [(side, row) for side in ("items", "deep-items") for row in (1, 2, 5, 6, 5, 2)]
    expected = 0.3 * sum(float((params[name][row] ** 2).sum()) for name, row in rows) / 2
    assert float(problem.penalty(params, batch)) == pytest.approx(expected, rel=1e-5)


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one() -> None:
    first, again, other = (SMALL.fit(planted(), FitContext(seed)).score(np.arange(60)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_finds_the_planted_blocks_where_popularity_cannot() -> None:
    data = planted(n_users=240)
    known, own = data.csr.toarray() > 0, (np.arange(240) % 4)[:, None]
    scores = NeuMF().fit(data, CTX).score(np.arange(240)).numpy()
    found, popular = (
        (np.where(known, -np.inf, each).argsort(axis=1)[:, -3:] // BLOCK == own).mean()
        for each in (scores, data.item_counts)
    )
    assert found > 0.9 > 0.5 > popular


def test_4_epochs_reach_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    """Popularity has .22."""
    assert ndcg_on_movielens(NeuMF(epochs=4)) >= 0.34
