"""Checks of differentiable recommenders: their training problem."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recbench.conformance.check import Failed, NotApplicable, Subject, check
from recbench.conformance.exercise import context_of, data_of
from recbench.conformance.planted import scores_of
from recbench.conformance.waits import waiting
from recbench.contracts import (
    Differentiable,
    FitContext,
    Params,
    Problem,
    Profiles,
    RelaxedProfiles,
    optimize,
    train,
    unroll,
)
from recbench.data import Interactions

STEP = 1e-6
"""Of a central difference in double precision: so small that it meets no jump of a loss that takes signs."""
TOLERANCE = 1e-3
"""Of a directional derivative, relative; a missing term misses by far more."""
SHORT = 3
"""Epochs of a training that is compared with another one: rounding grows with every step."""


def _model(subject: Subject, **params: Any) -> Differentiable:
    if "differentiable" not in subject.component.provides:
        raise NotApplicable("it does not provide 'differentiable'")
    model: Differentiable = subject.build(**params)
    return model


def _short(subject: Subject) -> Differentiable:
    """The model with few epochs, where the number is one of its parameters."""
    model: Any = _model(subject)
    return _model(subject, epochs=SHORT) if "epochs" in {field.name for field in fields(model)} else model


def _context(subject: Subject, seed: int = 0) -> FitContext:
    return context_of(subject, data_of(subject).n_items, seed)


def _fakes(n_items: int) -> Profiles:
    """Three fakes of six items."""
    items = (np.arange(6) * 3 + np.arange(3)[:, None]) % n_items
    return Profiles(np.arange(4) * 6, np.sort(items, axis=1).ravel())


@contextlib.contextmanager
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def _started(problem: Problem) -> tuple[Params, Any]:
    """Parameters off the start, where some tables are zero, and a batch."""
    generator = torch.Generator().manual_seed(3)
    params = problem.init(5)
    moved = {k: v + 0.1 * torch.randn(v.shape, generator=generator, dtype=v.dtype) for k, v in params.items()}
    return moved, next(iter(problem.batches(7, 0)))


@check("recommender", guards=("D7", "D21"))
def its_problem_is_a_pure_function_of_its_parameters(subject: Subject) -> None:
    """A table encoded once and kept, or another model's parameters: the loss that is minimized is not the one of the
    parameters that move, and unrolled training differentiates something else."""
    problem = _model(subject).problem(data_of(subject), _context(subject))
    params, batch = _started(problem)
    kept = {name: value.clone() for name, value in params.items()}
    other = {name: value * 0.5 + 0.05 for name, value in params.items()}
    users = torch.arange(4)

    def everything(of: Problem, each: Params) -> Tensor:
        tables = of.encode(each)
        parts = (of.losses(tables, batch), of.penalty(each, batch), of.scores(tables, users))
        return torch.cat([part.reshape(-1) for part in parts])

    results = [everything(problem, each) for each in (params, other, params)]
    fresh = everything(_model(subject).problem(data_of(subject), _context(subject)), other)
    if any(not torch.equal(params[name], kept[name]) for name in params):
        raise Failed("encode, losses, penalty or scores change the parameters in place; make new tensors")
    if not torch.equal(results[0], results[2]) or not torch.equal(results[1], fresh):
        raise Failed("losses or scores depend on what was computed before; keep nothing between calls")
    if torch.equal(results[0], results[1]):
        raise Failed("other parameters give the same losses and scores; compute them from what encode is given")


@check("recommender", guards=("D2", "D19", "D20"))
def its_gradients_equal_finite_differences(subject: Subject) -> None:
    """Generators detached before their own loss, poison losses computed under no_grad: a part of the objective had no
    gradient, and nothing said so."""
    with _double():
        problem = _model(subject).problem(data_of(subject), _context(subject))
        params, batch = _started(problem)
        parts = {
            "losses": lambda p: problem.losses(problem.encode(p), batch).sum(),
            "penalty": lambda p: problem.penalty(p, batch),
        }
        for part, function in parts.items():
            for name in params:
                _compare(part, name, function, params)


def _compare(part: str, name: str, function: Any, params: Params) -> None:
    direction = torch.randn(params[name].shape, generator=torch.Generator().manual_seed(11))
    leaf = params[name].detach().clone().requires_grad_()
    value = function({**params, name: leaf})
    slope = 0.0
    if value.requires_grad:
        (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)
        slope = float((gradient * direction).sum())
    with torch.no_grad():
        ends = [float(function({**params, name: params[name] + sign * STEP * direction})) for sign in (1, -1)]
    difference = (ends[0] - ends[1]) / (2 * STEP)
    if abs(slope - difference) > TOLERANCE * max(abs(slope), abs(difference), 1e-3):
        raise Failed(
            f"the slope of {part} along a random direction of '{name}' is {difference:.4g} by finite differences and "
            f"{slope:.4g} by autograd; look for detach, no_grad, .data or .item()"
        )


@check("recommender")
def its_closed_form_gradients_are_those_of_its_losses(subject: Subject) -> None:
    """A gradient written by hand beside the loss, and changed apart from it: what is trained is not what is reported,
    and an attack differentiates through a third thing."""
    with _double():
        problem = _model(subject).problem(data_of(subject), _context(subject))
        if type(problem).gradients is Problem.gradients:
            raise NotApplicable("autograd takes its gradients")
        params, batch = _started(problem)
        params = {name: value.requires_grad_() for name, value in params.items()}
        generator = torch.Generator().manual_seed(11)
        directions = {name: torch.randn(value.shape, generator=generator) for name, value in params.items()}
        for order in ("first", "second"):
            slopes = []
            for gradients in (problem.gradients(params, batch), Problem.gradients(problem, params, batch)):
                slope = torch.stack([(gradients[name] * directions[name]).sum() for name in params]).sum()
                slopes.append([slope] if order == "first" else torch.autograd.grad(slope, list(params.values())))
            if not all(torch.allclose(own, true, rtol=1e-6) for own, true in zip(*slopes, strict=True)):
                raise Failed(
                    f"the {order} derivative by `gradients` is not that of mean_loss; "
                    "write out losses and penalty, of differentiable operations"
                )


def waits_of_a_step(subject: Subject) -> list[str]:
    """The operations of one training step of its problem that wait for the device."""
    problem = _model(subject).problem(data_of(subject), _context(subject))
    params, batch = _started(problem)
    with torch.no_grad(), waiting() as waits:
        problem.gradients(params, batch)
    return waits.all


@check("recommender", guards=("D21",))
def training_its_problem_reaches_what_fit_reaches(subject: Subject) -> None:
    """Where attacks and adversarial training optimize another model than the one that is evaluated, what is shown of
    the one says nothing of the other."""
    model, data, ctx = _short(subject), data_of(subject), _context(subject, 3)
    by_fit = scores_of(model.fit(data, ctx), data.n_users)
    by_problem = scores_of(train(model.problem(data, ctx), ctx), data.n_users)
    if not np.allclose(by_fit, by_problem, rtol=1e-4, atol=1e-5):
        raise Failed(
            f"fit and the training of its problem differ by up to {np.abs(by_fit - by_problem).max():.3g}; inherit fit "
            "from Differentiable"
        )


@check("recommender", guards=("D9", "D22"))
def relaxed_fakes_of_weight_one_train_as_the_same_users_in_the_data(subject: Subject) -> None:
    """Attacks changed the graph and not the positives of the fake users: the profile that was optimized was not the
    one that was trained on."""
    model, data, ctx = _short(subject), data_of(subject), _context(subject, 3)
    if data.ratings is not None:
        raise NotApplicable("the small fakes have no ratings")
    profiles = _fakes(data.n_items)
    together = Interactions(
        np.concatenate([data.users, data.n_users + profiles.histories.rows]),
        np.concatenate([data.items, profiles.items]),
        data.n_users + len(profiles),
        data.n_items,
    )
    relaxed = optimize(model.problem(data, ctx, RelaxedProfiles.of(profiles, data.n_items)), ctx)
    discrete = optimize(model.problem(together, ctx), ctx)
    for name in discrete:
        if relaxed[name].shape != discrete[name].shape or not torch.allclose(
            relaxed[name], discrete[name], rtol=1e-3, atol=1e-4
        ):
            raise Failed(f"'{name}' ends elsewhere; give relaxed fakes every part that genuine users have in the loss")


@check("recommender", guards=("D49",))
def fakes_do_not_change_the_initialization_of_others(subject: Subject) -> None:
    """With one random stream for all tables, adding fake users changed the item table's initialization: pairing lost
    its power and noise read as effect."""
    model, data, ctx = _model(subject), data_of(subject), _context(subject, 3)
    clean = model.problem(data, ctx).init(9)
    attacked = model.problem(data, ctx, _relaxed(data)).init(9)
    for name, table in clean.items():
        rows = len(table) if table.ndim else 0
        if not torch.equal(attacked[name][:rows] if rows else attacked[name], table):
            raise Failed(f"with fakes, '{name}' begins elsewhere; draw every table from a stream of its own name")


def _relaxed(data: Interactions) -> RelaxedProfiles:
    fakes = RelaxedProfiles.of(_fakes(data.n_items), data.n_items)
    ratings = None if data.ratings is None else torch.full_like(fakes.weights, 5.0)
    return replace(fakes, ratings=ratings)


@check("recommender", guards=("D9", "D19", "D20", "D21", "D22"))
def the_weights_of_fakes_receive_gradient_through_training(subject: Subject) -> None:
    """In several published attacks the loss did not depend on the fakes at all: the surrogate never moved, or the
    objective was computed without a graph, and the "attack" was its random start."""
    model, data = _short(subject), data_of(subject)
    fakes = _relaxed(data)
    weights = fakes.weights.clone().requires_grad_()
    problem = model.problem(data, _context(subject, 3), replace(fakes, weights=weights))
    scores = problem.scores(problem.encode(unroll(problem, seed=3)), torch.arange(data.n_users))
    target: Tensor = scores[:, 3].sum()
    gradient = None
    if target.requires_grad:
        (gradient,) = torch.autograd.grad(target, weights, allow_unused=True)
    if gradient is None or not bool((gradient != 0).any()):
        raise Failed(
            "an item's scores after unrolled training do not depend on the fakes; weight their losses by weights"
        )
    if not bool(torch.isfinite(gradient).all()):
        raise Failed("the gradient of the fakes' weights is not finite; guard roots and divisions at zero")
