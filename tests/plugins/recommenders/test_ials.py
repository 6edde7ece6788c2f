"""iALS against the closed form and the objective in double precision, and on real data."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recbench.contracts import FitContext, Recommender, Scorer, SparsePattern, torch_rng
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.data.splits import ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench_plugins.datasets.lastfm import LastFM
from recbench_plugins.recommenders.ials import IALS, FactorScorer

SMALL = IALS(dim=6, alpha0=0.3, lam=0.05, steps=6, epochs=3)
EVERYONE = np.arange(50)


def _pattern(data: Interactions) -> SparsePattern:
    return SparsePattern(torch.tensor(data.indptr), torch.tensor(data.items, dtype=torch.int64), data.n_items)


def _table(rows: int, name: str) -> torch.Tensor:
    return torch.randn(rows, 6, generator=torch_rng(0, name))


def _objective(model: IALS, data: Interactions, users: NDArray[np.float64], items: NDArray[np.float64]) -> float:
    """Rendle et al. 2022, eq. 3, by the dense matrix."""
    x, scores = data.csr.toarray(), users @ items.T
    fit = (x * (scores - 1) ** 2).sum() + model.alpha0 * (scores**2).sum()
    by_user = (data.user_counts + model.alpha0 * data.n_items) @ (users**2).sum(1)
    by_item = (data.item_counts + model.alpha0 * data.n_users) @ (items**2).sum(1)
    return float(fit + model.lam * (by_user + by_item))


def test_with_as_many_steps_as_dimensions_every_row_is_the_closed_form(small: Interactions) -> None:
    items = _table(20, "items")
    solved = SMALL.solved(_pattern(small), torch.zeros(50, 6), items).numpy()
    q = items.double().numpy()
    for user, x in enumerate(small.csr.toarray()):
        left = q.T @ np.diag(x + 0.3) @ q + 0.05 * (x.sum() + 0.3 * 20) * np.eye(6)
        np.testing.assert_allclose(solved[user], np.linalg.solve(left, q.T @ x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 3], ids=["one step", "three steps"])
def test_no_half_epoch_raises_the_objective(small: Interactions, steps: int) -> None:
    model = replace(SMALL, steps=steps)
    consumed = _pattern(small)
    users, items = _table(50, "users"), _table(20, "items")
    values = []
    for _ in range(4):
        users = model.solved(consumed, users, items)
        values.append(_objective(model, small, users.double().numpy(), items.double().numpy()))
        items = model.solved(consumed.transposed[1], items, users)
        values.append(_objective(model, small, users.double().numpy(), items.double().numpy()))
    assert (np.diff(values) < 0).all()


def test_a_row_that_is_solved_stays_where_it_is(small: Interactions) -> None:
    items = _table(20, "items")
    solved = SMALL.solved(_pattern(small), torch.zeros(50, 6), items)
    again = SMALL.solved(_pattern(small), solved, items)
    torch.testing.assert_close(again, solved, rtol=1e-3, atol=1e-4)


def test_validation_chooses_the_epoch_and_stops_the_training(small: Interactions) -> None:
    seen: list[Scorer] = []

    def validate(scorer: Scorer) -> float:
        seen.append(scorer)
        return [0.1, 0.3, 0.2, 0.2][len(seen) - 1]

    model = IALS(dim=6, epochs=20, every=3, patience=2)
    chosen = model.fit(small, FitContext(seed=0, validate=validate))
    assert chosen is seen[1]
    assert len(seen) == 4
    after_six = IALS(dim=6, epochs=6).fit(small, FitContext(seed=0))
    assert torch.equal(chosen.score(EVERYONE), after_six.score(EVERYONE))


def test_ratings_are_not_read(small: Interactions) -> None:
    explicit, implicit = (SMALL.fit(data, FitContext(seed=0)) for data in (small, binarize(small)))
    assert torch.equal(explicit.score(EVERYONE), implicit.score(EVERYONE))


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another_one(small: Interactions) -> None:
    first, again, other = (SMALL.fit(small, FitContext(seed)).score(EVERYONE) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_scorer_made_from_a_state_scores_alike(small: Interactions) -> None:
    scorer = SMALL.fit(small, FitContext(seed=0))
    restored = FactorScorer(**{name: torch.tensor(table) for name, table in scorer.state().items()})
    assert torch.equal(restored.score(EVERYONE), scorer.score(EVERYONE))


def test_without_regularization_a_user_and_an_item_without_interactions_have_finite_scores(small: Interactions) -> None:
    assert torch.isfinite(IALS(lam=0.0, steps=10).fit(small, FitContext(seed=0)).score(EVERYONE)).all()


def test_it_reaches_the_known_quality_on_movielens(ndcg_on_movielens: Callable[[Recommender], float]) -> None:
    assert ndcg_on_movielens(IALS()) > 0.435


def test_by_default_the_weight_of_a_cell_is_that_of_the_size_of_the_data(small: Interactions) -> None:
    by_size = 340 / (small.n_users * small.n_items) ** 0.5
    default, named = (replace(SMALL, alpha0=alpha0).fit(small, FitContext(seed=0)) for alpha0 in (None, by_size))
    assert np.array_equal(np.asarray(default.score(EVERYONE)), np.asarray(named.score(EVERYONE)))


def test_the_same_defaults_suit_ten_times_as_many_items(mirror: Path) -> None:
    """lastfm, where the weight of a cell that suits ml-100k has .126."""
    data = binarize(LastFM().load(mirror / "lastfm-hetrec2011").interactions)
    split = ratio_split(data, seed=0, validation=0.0, test=0.2)
    audience = Audience.shuffled(np.arange(data.n_users), data.n_users, seed=0)
    scorer = IALS().fit(split.train, FitContext(seed=0))
    found = validation_quality(scorer, audience, split.train.histories, data.n_items, split.test.histories, seed=0)
    assert found > 0.22
