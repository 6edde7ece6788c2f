"""I-AutoRec: its objective is that of the paper on the dense columns, and it predicts ratings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from contracts.planted import budget, planted, random_profiles
from numpy.typing import NDArray
from torch import Tensor

from recbench.contracts import FitContext, Params, RecbenchError, RelaxedProfiles, mean_loss, torch_rng, unroll
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.data.splits import ratio_split
from recbench_plugins.recommenders.autorec import AutoRec
from recbench_plugins.recommenders.biased_mf import BiasedMF, PredictedRatings

SMALL = AutoRec(hidden=6, l2=0.2, lr=0.05, epochs=4)
CTX = FitContext(seed=0)


def _drawn(params: Params) -> Params:
    """Parameters without structure; a fresh initialization has no biases."""
    return {name: 0.5 * torch.randn(table.shape, generator=torch_rng(3, name)) for name, table in params.items()}


def _columns(data: Interactions) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each item's ratings less their mean, [n_items, n_users], zero where there is none, and where there are any."""
    assert data.ratings is not None
    r = np.zeros((data.n_items, data.n_users))
    r[data.items, data.users] = data.ratings - data.ratings.mean()
    known = np.zeros(r.shape, dtype=bool)
    known[data.items, data.users] = True
    return r, known


def _reconstructed(params: Params, r: NDArray[np.float64]) -> NDArray[np.float64]:
    """h of every column, by the paper's equation 3."""
    p = {name: table.double().numpy() for name, table in params.items()}
    code = 1 / (1 + np.exp(-(r @ p["encoder"] + p["encoder-bias"])))
    reconstructed: NDArray[np.float64] = code @ p["decoder"].T + p["decoder-bias"].T
    return reconstructed


def _fakes(n_items: int) -> RelaxedProfiles:
    ratings = torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0]).repeat(3)
    return replace(RelaxedProfiles.of(random_profiles(budget(3, 5), 0), n_items), ratings=ratings)


def _error(scorer: PredictedRatings, test: Interactions) -> float:
    assert test.ratings is not None
    errors = scorer.predict(test.users, test.items).numpy() - test.ratings
    return float(np.sqrt((errors**2).mean()))


def test_scores_are_the_mean_and_the_reconstruction_of_the_items_columns(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    assert small.ratings is not None
    expected = small.ratings.mean() + _reconstructed(params, _columns(small)[0]).T
    users = [3, 49, 0, 3]
    scores = problem.scores(problem.encode(params), torch.tensor(users))
    np.testing.assert_allclose(scores, expected[users], rtol=1e-4, atol=1e-4)


def test_rows_to_be_perturbed_hold_factors_alone(small: Interactions) -> None:
    """As of biased-mf: no bias of the decoder, and no constant in the code that would make a product out of it."""
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    tables = problem.encode(params)
    assert torch.equal(tables["users"], params["decoder"])
    code = 1 / (1 + np.exp(-(_columns(small)[0] @ params["encoder"].numpy() + params["encoder-bias"].numpy())))
    np.testing.assert_allclose(tables["items"], code, rtol=1e-4, atol=1e-5)


def test_a_step_descends_the_observed_errors_and_the_rows_of_their_users(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    (batch,) = problem.batches(seed=0, epoch=0)
    r, known = _columns(small)
    errors = ((r - _reconstructed(params, r)) ** 2)[known].sum()
    rows = sum((params[name].double().numpy() ** 2).sum(1) for name in ("encoder", "decoder"))
    expected = errors + 0.2 / 2 * (small.user_counts * rows).sum()
    assert 50 * float(mean_loss(problem, params, batch)) == pytest.approx(expected, rel=1e-5)


def test_predictions_are_the_scores_within_the_scale_and_the_mean_for_those_without_ratings(
    small: Interactions,
) -> None:
    scorer = AutoRec(hidden=6, lr=0.05, epochs=20).fit(small, CTX)
    assert isinstance(scorer, PredictedRatings)
    users, items = np.array([0, 49, 7, 0]), np.array([3, 19, 0, 4])
    scores = scorer.score(users)[torch.arange(4), torch.tensor(items)]
    torch.testing.assert_close(scorer.predict(users, items), scores.clamp(1, 5))
    problem = SMALL.problem(small, CTX)
    unrated = problem.scores(
        problem.encode({k: v * (k != "decoder") for k, v in problem.init(0).items()}), torch.tensor([49])
    )
    assert small.ratings is not None
    torch.testing.assert_close(unrated, torch.full((1, 20), float(small.ratings.mean())))


@pytest.mark.parametrize("of", ["weights", "ratings"])
def test_the_gradient_to_fakes_through_the_training_equals_finite_differences(of: str) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        data, fakes = planted(n_users=20, explicit=True), _fakes(40)
        start = {"weights": torch.full((15,), 0.8), "ratings": torch.linspace(1, 5, 15)}

        def loss(at: Tensor) -> Tensor:
            given = {**start, of: at}
            problem = SMALL.problem(data, CTX, replace(fakes, weights=given["weights"], ratings=given["ratings"]))
            return problem.scores(problem.encode(unroll(problem, seed=1)), torch.arange(20))[:, -1].mean()

        at = start[of].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(at), at)
        differences = torch.stack([(loss(at + h) - loss(at - h)).detach() / 4e-6 for h in 2e-6 * torch.eye(15)])
    finally:
        torch.set_default_dtype(torch.float32)
    assert differences.norm() > 1e-5
    assert (gradient - differences).norm() / differences.norm() < 1e-5


def test_fakes_of_weight_one_train_as_users_with_the_same_ratings_and_move_no_initialization() -> None:
    data, fakes = planted(explicit=True), _fakes(40)
    assert data.ratings is not None
    assert fakes.ratings is not None
    together = Interactions(
        np.concatenate([data.users, data.n_users + fakes.rows.numpy()]),
        np.concatenate([data.items, fakes.items.numpy()]),
        data.n_users + 3,
        data.n_items,
        np.concatenate([data.ratings, fakes.ratings.numpy()]),
    )
    relaxed, discrete = SMALL.problem(data, CTX, fakes), SMALL.problem(together, CTX)
    trained = [unroll(problem, seed=7, last=0) for problem in (relaxed, discrete)]
    for name, table in trained[0].items():
        torch.testing.assert_close(table, trained[1][name])
    for name, table in SMALL.problem(data, CTX).init(9).items():
        assert torch.equal(relaxed.init(9)[name][: len(table)], table)


def test_data_and_fakes_without_ratings_are_refused(small: Interactions) -> None:
    with pytest.raises(RecbenchError, match="explicit track"):
        SMALL.fit(binarize(small), CTX)
    with pytest.raises(RecbenchError, match="explicit track"):
        SMALL.problem(small, CTX, RelaxedProfiles.of(random_profiles(budget(1, 3), 0), small.n_items))


@pytest.mark.parametrize("file", ["ml-100k", "filmtrust/ratings.txt"])
def test_it_predicts_real_ratings_better_than_biased_factors(mirror: Path, file: str) -> None:
    data = read_interactions(mirror / file, duplicates="last").interactions
    split = ratio_split(data, seed=42, validation=0.0, test=0.2)
    own, peer = (model.fit(split.train, FitContext(seed=42)) for model in (AutoRec(), BiasedMF()))
    assert isinstance(own, PredictedRatings)
    assert isinstance(peer, PredictedRatings)
    assert _error(own, split.test) < _error(peer, split.test)


def test_a_user_without_ratings_is_predicted_the_mean_and_no_one_else_is_touched(small: Interactions) -> None:
    assert small.ratings is not None
    more = replace(small, n_users=small.n_users + 1)
    scorer, plain = SMALL.fit(more, CTX), SMALL.fit(small, CTX)
    items = np.arange(small.n_items)
    np.testing.assert_allclose(scorer.predict(np.full(len(items), small.n_users), items), small.ratings.mean(), 1e-5)
    np.testing.assert_allclose(scorer.score(items[:5]), plain.score(items[:5]), rtol=1e-4, atol=1e-4)


def test_the_state_that_validates_best_is_kept_and_two_without_a_new_best_end_the_training(small: Interactions) -> None:
    qualities = iter([-1.0, -0.8, -0.9, -0.85, -0.1])
    model = replace(SMALL, epochs=50, every=2, patience=2)
    kept = model.fit(small, replace(CTX, validate=lambda scorer: next(qualities)))
    np.testing.assert_array_equal(
        kept.score(np.arange(50)), replace(SMALL, epochs=4).fit(small, CTX).score(np.arange(50))
    )
    assert next(qualities) == -0.1
