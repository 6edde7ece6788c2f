"""Biased MF: its objective is that of Koren et al. on the observed ratings, and it predicts on their scale."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from contracts.planted import budget, planted, random_profiles
from torch import Tensor

from recbench.contracts import FitContext, Params, RecbenchError, RelaxedProfiles, mean_loss, torch_rng, unroll
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.data.splits import ratio_split
from recbench_plugins.recommenders.biased_mf import BiasedMF, PredictedRatings

SMALL = BiasedMF(dim=4, lr=0.05, l2=0.2, epochs=4)
CTX = FitContext(seed=0)


def _drawn(params: Params) -> Params:
    """Parameters without structure; a fresh initialization has no biases."""
    return {name: 0.5 * torch.randn(table.shape, generator=torch_rng(3, name)) for name, table in params.items()}


def _fitted(data: Interactions) -> PredictedRatings:
    scorer = SMALL.fit(data, CTX)
    assert isinstance(scorer, PredictedRatings)
    return scorer


def _fakes(data: Interactions) -> RelaxedProfiles:
    profiles = random_profiles(budget(3, 5), 0)
    ratings = torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0]).repeat(3)
    return replace(RelaxedProfiles.of(profiles, data.n_items), ratings=ratings)


def _rated(data: Interactions) -> Interactions:
    ratings = np.random.default_rng(0).integers(1, 6, len(data)).astype(np.float32)
    return replace(data, ratings=ratings)


def test_a_step_descends_the_squared_error_and_the_regularization_of_every_observed_rating(small: Interactions) -> None:
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    (batch,) = problem.batches(seed=0, epoch=0)
    assert small.ratings is not None
    mean, total = small.ratings.mean(), 0.0
    for user, item, rating in zip(small.users, small.items, small.ratings, strict=True):
        p, q = params["users"][user].double(), params["items"][item].double()
        b, c = params["user-bias"][user].double(), params["item-bias"][item].double()
        total += float((rating - mean - b - c - p @ q) ** 2 + 0.2 * (p @ p + q @ q + b**2 + c**2))
    assert 50 * float(mean_loss(problem, params, batch)) == pytest.approx(total, rel=1e-5)


def test_rows_to_be_perturbed_hold_factors_alone(small: Interactions) -> None:
    """Their lengths bound what perturbs them: a constant that makes a product out of a bias is no length of theirs."""
    problem = SMALL.problem(small, CTX)
    params = _drawn(problem.init(0))
    tables = problem.encode(params)
    for name in problem.perturbable:
        assert torch.equal(tables[name], params[name])


def test_predictions_are_the_scores_within_the_scale(small: Interactions) -> None:
    scorer = _fitted(small)
    users, items = np.array([0, 49, 7, 0]), np.array([3, 19, 0, 4])
    scores = scorer.score(users)[torch.arange(4), torch.tensor(items)]
    torch.testing.assert_close(scorer.predict(users, items), scores.clamp(1, 5))
    above = replace(scorer, tables={**scorer.tables, "mean": torch.tensor(40.0)})
    assert above.predict(users, items).tolist() == [5.0] * 4


def test_a_user_and_an_item_without_ratings_get_the_mean(small: Interactions) -> None:
    assert small.ratings is not None
    trained = BiasedMF(dim=4, scale=0.0001, epochs=50).fit(small, CTX)
    assert isinstance(trained, PredictedRatings)
    assert float(trained.predict(np.array([49]), np.array([19]))) == pytest.approx(small.ratings.mean(), abs=1e-3)


def test_fakes_of_weight_one_train_as_users_with_the_same_ratings() -> None:
    data = _rated(planted())
    fakes = _fakes(data)
    assert data.ratings is not None
    assert fakes.ratings is not None
    users = np.concatenate([data.users, data.n_users + fakes.rows.numpy()])
    items = np.concatenate([data.items, fakes.items.numpy()])
    ratings = np.concatenate([data.ratings, fakes.ratings.numpy()])
    discrete = SMALL.problem(Interactions(users, items, data.n_users + 3, data.n_items, ratings), CTX)
    relaxed = SMALL.problem(data, CTX, fakes)
    together = [unroll(problem, seed=7, last=0) for problem in (relaxed, discrete)]
    for name, table in together[0].items():
        torch.testing.assert_close(table, together[1][name])


@pytest.mark.parametrize("of", ["weights", "ratings"])
def test_the_gradient_to_fakes_through_the_training_equals_finite_differences(of: str) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        data = _rated(planted(n_users=20))
        fakes = _fakes(data)
        start = {"weights": torch.full((15,), 0.8), "ratings": torch.linspace(1, 5, 15)}

        def loss(at: Tensor) -> Tensor:
            given = {**start, of: at}
            problem = SMALL.problem(data, CTX, replace(fakes, weights=given["weights"], ratings=given["ratings"]))
            return problem.scores(problem.encode(unroll(problem, seed=1)), torch.arange(20))[:, -1].mean()

        at = start[of].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(at), at)
        steps = 1e-5 * torch.eye(15)
        differences = torch.stack([(loss(at + h) - loss(at - h)).detach() / 2e-5 for h in steps])
    finally:
        torch.set_default_dtype(torch.float32)
    assert differences.norm() > 1e-5
    assert (gradient - differences).norm() / differences.norm() < 1e-5


def test_data_and_fakes_without_ratings_are_refused(small: Interactions) -> None:
    with pytest.raises(RecbenchError, match="explicit track"):
        SMALL.fit(binarize(small), CTX)
    with pytest.raises(RecbenchError, match="explicit track"):
        SMALL.problem(small, CTX, RelaxedProfiles.of(random_profiles(budget(1, 3), 0), small.n_items))


def test_it_predicts_the_ratings_of_movielens(mirror: Path) -> None:
    split = ratio_split(read_interactions(mirror / "ml-100k").interactions, seed=42, validation=0.0, test=0.2)
    scorer = BiasedMF().fit(split.train, FitContext(seed=42))
    assert isinstance(scorer, PredictedRatings)
    assert split.test.ratings is not None
    errors = scorer.predict(split.test.users, split.test.items).numpy() - split.test.ratings
    assert np.sqrt((errors**2).mean()) < 0.93


def test_the_state_that_validates_best_is_kept_and_two_without_a_new_best_end_the_training(small: Interactions) -> None:
    qualities = iter([-1.0, -0.8, -0.9, -0.85, -0.1])
    model = replace(SMALL, epochs=50, every=2, patience=2)
    kept = model.fit(small, replace(CTX, validate=lambda scorer: next(qualities)))
    np.testing.assert_array_equal(
        kept.score(np.arange(50)), replace(SMALL, epochs=4).fit(small, CTX).score(np.arange(50))
    )
    assert next(qualities) == -0.1
