"""The one training loop, in place and as a pure function that can be differentiated through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from recbench.seeds import derive_seed

if TYPE_CHECKING:
    from recbench.contracts.context import FitContext
    from recbench.contracts.problem import Batch, Params, Problem
    from recbench.contracts.recommender import Scorer

Step = Callable[["Problem", "Params", "Batch"], Tensor]
"""The scalar loss of one step; robust training replaces it."""


def mean_loss(problem: Problem, params: Params, batch: Batch) -> Tensor:
    """The mean loss of the batch's examples plus the problem's penalty."""
    return problem.losses(problem.encode(params), batch).mean() + problem.penalty(params, batch)


def optimize(
    problem: Problem,
    ctx: FitContext,
    step: Step = mean_loss,
    start: Params | None = None,
    on_epoch: Callable[[int, Params], None] | None = None,
) -> Params:
    """Train and return the parameters.

    Args:
        problem: what to train.
        ctx: its seed seeds the initialization and the batches; `ctx.validate` chooses the best epoch
            where the problem asks for early stopping.
        step: the loss of one step.
        start: parameters to start from (left unchanged) instead of a fresh initialization.
        on_epoch: called after every epoch with its number and the current parameters.
    """
    params = problem.init(derive_seed(ctx.seed, "init")) if start is None else start
    params = {name: value.detach().clone().requires_grad_() for name, value in params.items()}
    optimizer = problem.optimizer.torch(params.values())
    stopping = problem.early_stopping if ctx.validate is not None else None
    best, best_quality, waited = params, float("-inf"), 0
    seed = derive_seed(ctx.seed, "batches")
    for epoch in range(problem.epochs):
        for batch in problem.batches(seed, epoch):
            optimizer.zero_grad(set_to_none=True)
            step(problem, params, batch).backward()  # type: ignore[no-untyped-call]
            for value in params.values():
                if value.grad is None:  # a table that the loss does not touch; `unroll` too takes zero, not "skip"
                    value.grad = torch.zeros_like(value)
            optimizer.step()
        if on_epoch is not None:
            on_epoch(epoch, params)
        if stopping is not None and (epoch + 1) % stopping.every == 0:
            assert ctx.validate is not None
            quality = ctx.validate(problem.finish(params))
            if quality > best_quality:
                best, best_quality, waited = {k: v.detach().clone() for k, v in params.items()}, quality, 0
            elif (waited := waited + 1) >= stopping.patience:
                break
    return {name: value.detach() for name, value in best.items()}


def train(
    problem: Problem,
    ctx: FitContext,
    step: Step = mean_loss,
    start: Params | None = None,
    on_epoch: Callable[[int, Params], None] | None = None,
) -> Scorer:
    """`optimize`, finished into a scorer."""
    return problem.finish(optimize(problem, ctx, step, start, on_epoch))


def unroll(problem: Problem, seed: int, last: int | None = None, start: Params | None = None) -> Params:
    """The same training as a pure function: the parameters carry the graph of the last `last` epochs.

    Args:
        problem: bound to relaxed fakes, whose gradient the result carries.
        seed: as `FitContext.seed` in `optimize`. Early stopping does not apply.
        last: epochs to differentiate through; None is all of them. Memory grows linearly with them.
        start: parameters to start from instead of a fresh initialization.
    """
    params = problem.init(derive_seed(seed, "init")) if start is None else start
    params = {name: value.detach().requires_grad_() for name, value in params.items()}
    state = problem.optimizer.init(params)
    for epoch in range(problem.epochs):
        attached = last is None or epoch >= problem.epochs - last
        for batch in problem.batches(derive_seed(seed, "batches"), epoch):
            with torch.enable_grad():
                loss = mean_loss(problem, params, batch)
            # A table that the loss does not touch (a bias the batch leaves out) has no gradient: zero.
            grads = torch.autograd.grad(
                loss, list(params.values()), create_graph=attached, allow_unused=True, materialize_grads=True
            )
            with torch.set_grad_enabled(attached):
                params, state = problem.optimizer.update(params, dict(zip(params, grads, strict=True)), state)
            if not attached:
                params = {name: value.detach().requires_grad_() for name, value in params.items()}
    return params
