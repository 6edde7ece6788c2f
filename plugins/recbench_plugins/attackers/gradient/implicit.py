"""The gradient of a training's optimum in its data, whatever way led there: an alternative to unrolling."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from recbench.contracts import Params, Problem, derive_seed, unroll

ITERATIONS = 30
"""Of the conjugate gradients: each costs a backward pass through the gradient of one epoch."""
DAMPING = 0.01
"""Added to the Hessian, as a share of its curvature along the right-hand side: away from the optimum it need not be
positive definite, and a factorization's never is, since turning all factors changes nothing."""


def optimum(problem: Problem, seed: int, damping: float = DAMPING, iterations: int = ITERATIONS) -> Params:
    """What `unroll` gives, with the gradient that the parameters would have at the optimum: at a theta where the
    training loss L has no slope, the implicit function theorem says that

        d theta / d x = - H^-1 d²L / d theta d x,    H = d²L / d theta²

    (Lorraine, Vicol, Duvenaud, "Optimizing millions of hyperparameters by implicit differentiation", AISTATS 2020,
    eq. 2; Fang, Gong, Liu, "Influence function based data poisoning attacks to top-N recommender systems", WWW 2020).
    H is never formed: the backward pass solves with it by conjugate gradients, whose products with H are second
    derivatives. Memory is that of one epoch, however long the training.

    L is the mean over the batches of one epoch, with what they sample and drop held fixed.

    Args:
        problem: bound to relaxed fakes, whose gradient the result carries.
        seed: as in `unroll`.
        damping: see `DAMPING`; 0 is exact where the training has converged.
        iterations: see `ITERATIONS`; fewer where the residual is gone, or where H bends downwards.
    """
    params = {name: value.detach().requires_grad_() for name, value in unroll(problem, seed, last=0).items()}
    batches = list(problem.batches(derive_seed(seed, "batches"), problem.epochs))
    examples = sum(len(batch.users) for batch in batches)
    with torch.enable_grad():
        slope = torch.zeros((), device=problem.device)
        for batch in batches:
            gradients = problem.gradients(params, batch)
            slope = slope + _flat(gradients[name] for name in params) * (len(batch.users) / examples)

    def product(vector: Tensor) -> Tensor:
        found = torch.autograd.grad(
            slope, list(params.values()), vector, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return _flat(found)

    def solve(vector: Tensor) -> Tensor:
        return conjugate_gradients(product, vector, damping, iterations)

    move: Tensor = _MinusSolved.apply(slope, solve)  # type: ignore[no-untyped-call]
    moves = move.split_with_sizes([value.numel() for value in params.values()])
    return {
        name: value.detach() + part.view_as(value) for (name, value), part in zip(params.items(), moves, strict=True)
    }


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], vector: Tensor, damping: float, iterations: int, tolerance: float = 1e-10
) -> Tensor:
    """(H + damping · v'Hv / v'v)^-1 v, [n], from products with a symmetric H (Hestenes, Stiefel, 1952).

    It stops where the residual is `tolerance` times what it was, and where the damped H is not positive along the next
    direction: then it gives what it has, or v itself if that is nothing (Steihaug, SIAM J. Numer. Anal. 1983).

    Args:
        product: H times a vector [n].
        vector: v, [n].
        damping, iterations: see `optimum`.
        tolerance: see above.
    """
    solution, residual, direction = torch.zeros_like(vector), vector, vector
    size = start = residual @ residual
    if not start:
        return solution
    shift = 0.0
    for iteration in range(iterations):
        bent = product(direction)
        if not iteration:
            shift = damping * float((vector @ bent).abs() / start)
        bent = bent + shift * direction
        curvature = direction @ bent
        if curvature <= 0:
            return solution if iteration else vector
        step = size / curvature
        solution, residual = solution + step * direction, residual - step * bent
        before, size = size, residual @ residual
        if size <= tolerance**2 * start:
            break
        direction = residual + (size / before) * direction
    return solution


class _MinusSolved(torch.autograd.Function):
    """0 in the forward pass, for there is no slope at an optimum; minus the solution in the backward pass."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, solve: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.solve = solve
        return torch.zeros_like(slope)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.solve(gradient), None


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
