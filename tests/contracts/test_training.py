"""The one loop: in place and unrolled it is the same training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from recbench.contracts import (
    SGD,
    Adagrad,
    Adam,
    Batch,
    Differentiable,
    EarlyStopping,
    FitContext,
    FittedProblem,
    Optimizer,
    Params,
    Persistent,
    Problem,
    Profiles,
    RelaxedProfiles,
    Scorer,
    Tables,
    optimize,
    train,
    unroll,
)

from .models import FAMILIES, MatrixFactorization
from .planted import N_ITEMS, appended, budget, planted, random_profiles

families = pytest.mark.parametrize("model", FAMILIES, ids=lambda model: type(model).__name__)


@families
@pytest.mark.parametrize("optimizer", [SGD(0.1, 0.9), Adagrad(0.1), Adam(0.05)], ids=["sgd", "adagrad", "adam"])
def test_unrolled_training_reaches_the_parameters_of_ordinary_training(
    model: Differentiable, optimizer: Optimizer
) -> None:
    # Few epochs: the two differ by rounding alone, which a chaotic training would blow up.
    problem = replace(model, optimizer=optimizer, epochs=5).problem(planted(), FitContext(3))
    ordinary, pure = optimize(problem, FitContext(3)), unroll(problem, 3)
    assert set(ordinary) == set(pure)
    for name in ordinary:
        torch.testing.assert_close(pure[name].detach(), ordinary[name], rtol=1e-5, atol=1e-6)


@families
def test_relaxed_fakes_of_weight_one_train_as_the_same_fakes_in_the_data(model: Differentiable) -> None:
    data, fakes, ctx = planted(), random_profiles(budget(), 0), FitContext(3)
    relaxed = model.problem(data, ctx, RelaxedProfiles.of(fakes, N_ITEMS))
    discrete = model.problem(appended(data, fakes), ctx)
    assert relaxed.n_users == discrete.n_users == data.n_users + len(fakes)
    first, second = optimize(relaxed, ctx), optimize(discrete, ctx)
    assert all(torch.equal(first[name], second[name]) for name in first)


@families
def test_entries_of_weight_zero_are_no_entries(model: Differentiable) -> None:
    data, ctx = planted(), FitContext(3)
    fakes = random_profiles(budget(3), 0)
    weights = torch.zeros(3, N_ITEMS)
    weights[fakes.histories.rows, fakes.items.astype(np.int64)] = 1
    dense = model.problem(data, ctx, RelaxedProfiles.dense(weights))
    rows, items = weights.numpy().nonzero()
    sparse = model.problem(data, ctx, RelaxedProfiles.of(Profiles.from_pairs(rows, items, 3), N_ITEMS))
    first, second = optimize(dense, ctx), optimize(sparse, ctx)
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-4, atol=1e-4)


@families
def test_the_same_seed_trains_the_same_model_and_another_seed_another(model: Differentiable) -> None:
    data = planted()
    scores = [torch.as_tensor(model.fit(data, FitContext(seed)).score(np.arange(60))) for seed in (1, 1, 2)]
    assert torch.equal(scores[0], scores[1])
    assert not torch.allclose(scores[0], scores[2])


def test_fitting_draws_nothing_from_the_global_generators() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    for model in FAMILIES:
        replace(model, epochs=1).fit(planted(), FitContext(1))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_the_start_is_left_unchanged_and_the_result_carries_no_graph() -> None:
    problem = MatrixFactorization(epochs=2).problem(planted(), FitContext(1))
    start = problem.init(5)
    kept = {name: value.clone() for name, value in start.items()}
    params = optimize(problem, FitContext(1), start=start)
    unrolled = unroll(problem, 1, start=start)
    assert all(torch.equal(start[name], kept[name]) and not start[name].requires_grad for name in start)
    assert all(not value.requires_grad for value in params.values())
    assert all(not torch.equal(params[name], start[name]) for name in start)
    for name in params:
        torch.testing.assert_close(unrolled[name].detach(), params[name])


@dataclass(frozen=True, eq=False)
class _TwoTables(Problem):
    """Batches touch one of two tables in turn: the other has no gradient."""

    optimizer: Optimizer
    n_users: int = 1
    n_items: int = 1
    device: str = "cpu"
    epochs: int = 3
    early_stopping: EarlyStopping | None = None

    def init(self, seed: int) -> Params:
        return {"even": torch.ones(2), "odd": torch.ones(2)}

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        for step in range(4):
            yield Batch(torch.zeros(1, dtype=torch.int64), step)

    def encode(self, params: Params) -> Tables:
        return params

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        return (tables["odd" if batch.seed % 2 else "even"] ** 2).sum().reshape(1)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return tables["even"][:1].expand(len(users), 1)


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.1)], ids=["momentum", "adam"])
def test_a_table_that_a_batch_leaves_out_trains_the_same_in_place_and_unrolled(optimizer: Optimizer) -> None:
    problem = _TwoTables(optimizer)
    ordinary, pure = optimize(problem, FitContext(0)), unroll(problem, 0)
    for name in ordinary:
        torch.testing.assert_close(pure[name].detach(), ordinary[name], rtol=1e-6, atol=1e-6)


@dataclass(frozen=True, eq=False)
class _SideBySide(_TwoTables):
    """The gradients of tables that were put side by side are views of one array: a row's numbers lie apart."""

    def init(self, seed: int) -> Params:
        return {"even": torch.ones(3, 2), "odd": torch.ones(3, 1)}

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        wanted = torch.tensor([[3.0, -1.0, 7.0], [4.0, 1.0, -2.0], [-5.0, 9.0, 0.5]])
        return ((torch.cat([tables["even"], tables["odd"]], dim=1) - wanted) ** 2).sum().reshape(1)


@pytest.mark.parametrize(
    "optimizer", [SGD(0.01), Adagrad(0.1), Adam(0.1)], ids=lambda optimizer: type(optimizer).__name__
)
def test_a_gradient_that_is_not_contiguous_trains_the_same_in_place_and_unrolled(optimizer: Optimizer) -> None:
    problem = _SideBySide(optimizer)
    with torch.no_grad():
        gradients = problem.gradients(problem.init(0), next(problem.batches(0, 0)))
    assert not gradients["odd"].is_contiguous()
    ordinary, pure = optimize(problem, FitContext(0)), unroll(problem, 0)
    for name in ordinary:
        torch.testing.assert_close(pure[name].detach(), ordinary[name], rtol=1e-5, atol=1e-5)


def _validated(qualities: list[float], every: int, patience: int) -> tuple[Tensor, list[Tensor], int]:
    """The chosen `even` table, the table after each epoch, and how many validations there were."""
    asked = iter(qualities)
    seen = []

    def validate(scorer: Scorer) -> float:
        assert isinstance(scorer, FittedProblem)
        seen.append(scorer)
        return next(asked)

    problem = _TwoTables(SGD(0.1), epochs=6, early_stopping=EarlyStopping(every, patience))
    epochs: list[Tensor] = []
    ctx = FitContext(0, validate=validate)
    params = optimize(problem, ctx, on_epoch=lambda epoch, params: epochs.append(params["even"].detach().clone()))
    return params["even"], epochs, len(seen)


def test_the_best_epoch_on_validation_is_kept_and_patience_ends_the_training() -> None:
    chosen, epochs, asked = _validated([0.1, 0.5, 0.4, 0.3, 0.9, 0.9], every=1, patience=2)
    assert asked == len(epochs) == 4
    assert torch.equal(chosen, epochs[1])


def test_validation_comes_every_so_many_epochs_and_a_later_best_counts() -> None:
    chosen, epochs, asked = _validated([0.1, 0.2, 0.3], every=2, patience=1)
    assert (asked, len(epochs)) == (3, 6)
    assert torch.equal(chosen, epochs[5])


def test_without_validation_it_trains_for_all_epochs() -> None:
    problem = _TwoTables(SGD(0.1), epochs=6, early_stopping=EarlyStopping(1, 1))
    epochs: list[int] = []
    optimize(problem, FitContext(0), on_epoch=lambda epoch, params: epochs.append(epoch))
    assert epochs == [0, 1, 2, 3, 4, 5]


def test_a_fitted_problem_scores_read_only_ids_and_shows_its_arrays() -> None:
    fitted = train(MatrixFactorization(epochs=1).problem(planted(), FitContext(1)), FitContext(1))
    users = np.arange(4)
    users.flags.writeable = False
    assert tuple(fitted.score(users).shape) == (4, N_ITEMS)
    assert isinstance(fitted, Persistent)
    assert fitted.state()["items"].shape == (N_ITEMS, 5)


def test_a_fitted_problem_has_encoded_once_however_many_users_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = MatrixFactorization(epochs=1).problem(planted(), FitContext(1))
    params, encode, calls = problem.init(1), problem.encode, 0

    def counted(params: Params) -> Tables:
        nonlocal calls
        calls += 1
        return encode(params)

    monkeypatch.setattr(problem, "encode", counted)
    fitted = problem.finish(params)
    for user in range(3):
        fitted.score(np.array([user]))
    assert calls == 1


def test_row_wise_steps_are_refused_where_they_would_be_other_steps() -> None:
    model = MatrixFactorization()
    moving = replace(model, optimizer=Adam(0.05)).problem(planted(), FitContext(3))
    silent = replace(model, optimizer=Adagrad(0.1)).problem(planted(), FitContext(3))
    moving.rowwise = silent.rowwise = True
    with pytest.raises(TypeError, match="Adam changes rows that have no gradient"):
        optimize(moving, FitContext(3))
    with pytest.raises(NotImplementedError, match="does not say which rows a batch needs"):
        optimize(silent, FitContext(3))
