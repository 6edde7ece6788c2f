"""Influence functions of a training problem: what one more interaction would do to the risk of the trained model.

Koh, Liang, "Understanding black-box predictions via influence functions", ICML 2017, with the inverse Hessian by
truncated Neumann series (LiSSA: Agarwal, Bullins, Hazan, "Second-order stochastic optimization for machine learning in
linear time", JMLR 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import torch
from torch import Tensor

from recbench.contracts import Batch, Params, Problem, RecbenchError, RelaxedProfiles, mean_loss, torch_rng

POWER_STEPS = 8
"""Power iterations that find the largest curvature."""


def risk_gradient(problem: Problem, params: Params, seed: int) -> Params:
    """The gradient of the mean loss of all training examples, without penalty, over one epoch's batches."""
    total = {name: torch.zeros_like(value) for name, value in params.items()}
    examples = 0
    for batch in problem.batches(seed, 0):
        losses = problem.losses(problem.encode(params), batch)
        _add(total, _gradients(losses.sum(), params))
        examples += len(losses)
    return {name: value / max(examples, 1) for name, value in total.items()}


def inverse_hessian_product(
    problem: Problem, params: Params, vector: Params, steps: int, damping: float, seed: int
) -> Params:
    """(H + damping c I)⁻¹ `vector`, up to a positive factor; H is the Hessian of what a training step descends and c
    its largest curvature.

    With J steps it is the truncated series sum over j < J of (I - (H + damping c I) / ((1 + damping) c))^j `vector`,
    a batch a step: directions that are nearly flat are followed J times as far, and not without end.
    """
    batches = _endless(problem, seed)
    scale = 1 / (_largest_curvature(problem, params, next(batches), seed) * (1 + damping)).clamp(min=1e-30)
    solved = vector
    for batch in islice(batches, steps - 1):
        curved = _hessian_product(problem, params, batch, solved)
        kept = 1 - damping / (1 + damping)
        solved = {name: vector[name] + kept * solved[name] - scale * curved[name] for name in vector}
    return solved


def influences(
    problem: Problem, params: Params, extended: Params, probes: RelaxedProfiles, varied: Tensor, solved: Params
) -> Tensor:
    """Of every interaction of the probes, the slope of the risk in `varied` where the probes join the training.

    To first order the probes' loss ℓ moves the parameters by -H⁻¹∇ℓ and the risk by -∇ℓ · H⁻¹∇(risk).

    Args:
        problem: bound to the probes, its last users.
        params: leaves, those of the problem without probes.
        extended: the parameters of `problem`, made of `params`.
        probes: the profiles whose interactions are asked about.
        varied: the weights or the ratings of `probes`, a leaf.
        solved: H⁻¹∇(risk), as `params`.

    Returns:
        [nnz] of the probes; negative where a larger weight or rating lowers the risk.
    """
    first = problem.n_users - len(probes)
    slopes = torch.zeros_like(varied)
    for batch in problem.batches(0, 0):
        asked = batch.users >= first
        if not asked.any():
            continue
        loss = problem.losses(problem.encode(extended), batch)[asked].sum()
        of_params = _gradients(loss, params, create_graph=True)
        along = _inner(of_params, solved)
        slopes -= torch.autograd.grad(along, varied, retain_graph=True, allow_unused=True, materialize_grads=True)[0]
    return slopes


def _largest_curvature(problem: Problem, params: Params, batch: Batch, seed: int) -> Tensor:
    """The largest absolute eigenvalue of the Hessian on a batch."""
    rng = torch_rng(seed, "power", device=problem.device)
    vector = {
        name: torch.randn(value.shape, generator=rng, dtype=value.dtype, device=value.device)
        for name, value in params.items()
    }
    length = _length(vector)
    for _ in range(POWER_STEPS):
        unit = {name: value / length.clamp(min=1e-30) for name, value in vector.items()}
        vector = _hessian_product(problem, params, batch, unit)
        length = _length(vector)
    return length


def _hessian_product(problem: Problem, params: Params, batch: Batch, vector: Params) -> Params:
    gradients = _gradients(mean_loss(problem, params, batch), params, create_graph=True)
    return _gradients(_inner(gradients, vector), params)


def _gradients(scalar: Tensor, params: Params, create_graph: bool = False) -> Params:
    gradients = torch.autograd.grad(
        scalar, list(params.values()), create_graph=create_graph, allow_unused=True, materialize_grads=True
    )
    return dict(zip(params, gradients, strict=True))


def _inner(left: Params, right: Params) -> Tensor:
    return torch.stack([(value * right[name]).sum() for name, value in left.items()]).sum()


def _length(vector: Params) -> Tensor:
    return _inner(vector, vector).sqrt()


def _add(total: Params, more: Params) -> None:
    for name, value in more.items():
        total[name] += value


def _endless(problem: Problem, seed: int) -> Iterator[Batch]:
    for epoch in count():
        if (first := next(epochs := iter(problem.batches(seed, epoch)), None)) is None:
            raise RecbenchError("nothing can be learned from this data: the recommender makes no batch of it")
        yield first
        yield from epochs
