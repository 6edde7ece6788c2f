"""The one training loop, in place and as a pure function that can be differentiated through."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from recbench.contracts.optimizers import Adagrad
from recbench.seeds import derive_seed

if TYPE_CHECKING:
    from recbench.contracts.context import FitContext
    from recbench.contracts.optimizers import State
    from recbench.contracts.problem import Batch, Params, Problem
    from recbench.contracts.recommender import Scorer

Step = Callable[["Problem", "Params", "Batch"], Tensor]
"""The scalar loss that one step of robust training descends, in place of `mean_loss`."""


def optimize(
    problem: Problem,
    ctx: FitContext,
    step: Step | None = None,
    start: Params | None = None,
    on_epoch: Callable[[int, Params], None] | None = None,
    warmup: int = 0,
) -> Params:
    """Train and return the parameters.

    Args:
        problem: what to train.
        ctx: its seed seeds the initialization and the batches; `ctx.validate` chooses the best epoch
            where the problem asks for early stopping.
        step: the loss of one step; None is the problem's own, by its `gradients`.
        start: parameters to start from (left unchanged) instead of a fresh initialization.
        on_epoch: called after every epoch with its number and the current parameters.
        warmup: how many epochs are a preparation only, none of which is the best one.
    """
    params = problem.init(derive_seed(ctx.seed, "init")) if start is None else start
    params = {name: value.detach().clone().requires_grad_() for name, value in params.items()}
    descend = _descent_by_rows(problem, params) if problem.rowwise and step is None else _descent(problem, params, step)
    stopping = problem.early_stopping if ctx.validate is not None else None
    best, best_quality, waited = params, float("-inf"), 0
    seed = derive_seed(ctx.seed, "batches")
    for epoch in range(problem.epochs):
        for batch in problem.batches(seed, epoch):
            descend(batch)
        if on_epoch is not None:
            on_epoch(epoch, params)
        if stopping is not None and epoch >= warmup and (epoch + 1) % stopping.every == 0:
            assert ctx.validate is not None
            quality = ctx.validate(problem.finish(params))
            if quality > best_quality:
                best, best_quality, waited = {k: v.detach().clone() for k, v in params.items()}, quality, 0
            elif (waited := waited + 1) >= stopping.patience:
                break
    return {name: value.detach() for name, value in best.items()}


def _descent(problem: Problem, params: Params, step: Step | None) -> Callable[[Batch], None]:
    """One step on a batch, in place."""
    optimizer = problem.optimizer.torch(params.values())

    def descend(batch: Batch) -> None:
        for name, gradient in _gradients(problem, params, batch, step).items():
            params[name].grad = gradient.contiguous()  # torch's fused optimizers take it to be
        optimizer.step()

    return descend


@torch.no_grad()
def _descent_by_rows(problem: Problem, params: Params) -> Callable[[Batch], None]:
    """The same, on the rows that the batch needs, as if they were the tables."""
    optimizer = problem.optimizer
    if not isinstance(optimizer, Adagrad):
        raise TypeError(f"{type(optimizer).__name__} changes rows that have no gradient; row-wise steps need Adagrad")
    state = optimizer.init(params)

    @torch.no_grad()
    def descend(batch: Batch) -> None:
        rows, narrowed = problem.narrow(batch)
        taken = {name: params[name].index_select(0, at) for name, at in rows.items()}
        optimizer.update_rows(params, problem.gradients(taken, narrowed), state, rows)

    return descend


def _gradients(problem: Problem, params: Params, batch: Batch, step: Step | None) -> Params:
    if step is None:
        with torch.no_grad():
            return problem.gradients(params, batch)
    gradients = torch.autograd.grad(
        step(problem, params, batch), list(params.values()), allow_unused=True, materialize_grads=True
    )
    return dict(zip(params, gradients, strict=True))


def train(
    problem: Problem,
    ctx: FitContext,
    step: Step | None = None,
    start: Params | None = None,
    on_epoch: Callable[[int, Params], None] | None = None,
) -> Scorer:
    """`optimize`, finished into a scorer."""
    return problem.finish(optimize(problem, ctx, step, start, on_epoch))


def unroll(
    problem: Problem,
    seed: int,
    last: int | None = None,
    start: Params | None = None,
    checkpoint: Sequence[Tensor] | None = None,
) -> Params:
    """The same training as a pure function: the parameters carry the graph of the last `last` epochs.

    Args:
        problem: bound to relaxed fakes, whose gradient the result carries.
        seed: as `FitContext.seed` in `optimize`. Early stopping does not apply.
        last: epochs to differentiate through; None is all of them. Memory grows linearly with their steps.
        start: parameters to start from instead of a fresh initialization.
        checkpoint: what the problem is bound to, such as the weights of its fakes: the parameters then carry the
            gradient of these tensors alone, and once. Memory grows with the root of the steps, and each is taken twice
            (Griewank, Walther, "Algorithm 799: revolve", ACM TOMS 2000, here with one level of checkpoints).
    """
    params = problem.init(derive_seed(seed, "init")) if start is None else start
    params = {name: value.detach().requires_grad_() for name, value in params.items()}
    state = problem.optimizer.init(params)
    batches_seed = derive_seed(seed, "batches")
    detached = 0 if last is None else max(problem.epochs - last, 0)
    with torch.no_grad():
        for epoch in range(detached):
            for batch in problem.batches(batches_seed, epoch):
                params, state = problem.optimizer.update(params, problem.gradients(params, batch), state)
    if detached:
        params = {name: value.requires_grad_() for name, value in params.items()}
    attached = range(detached, problem.epochs)
    if checkpoint is None or not attached:
        with torch.enable_grad():
            for epoch in attached:
                for batch in problem.batches(batches_seed, epoch):
                    params, state = problem.optimizer.update(params, problem.gradients(params, batch), state)
        return params
    length = math.isqrt(len(attached) * sum(1 for _ in problem.batches(batches_seed, detached)))
    batches = (batch for epoch in attached for batch in problem.batches(batches_seed, epoch))
    while segment := list(islice(batches, max(length, 1))):
        params, state = _checkpointed(problem, segment, params, state, checkpoint)
    return params


def _checkpointed(
    problem: Problem, batches: list[Batch], params: Params, state: State, through: Sequence[Tensor]
) -> tuple[Params, State]:
    """A few steps that keep where they started from and nothing else."""
    before = params, state

    def steps(tensors: Iterable[Tensor]) -> tuple[Params, State]:
        at = _filled(before, tensors)
        for batch in batches:
            at = problem.optimizer.update(at[0], problem.gradients(at[0], batch), at[1])
        return at

    with torch.no_grad():
        after = steps(_tensors(before))
    return _filled(after, _Segment.apply(steps, _tensors(after), through, *through, *_tensors(before)))  # type: ignore[no-untyped-call]


class _Segment(torch.autograd.Function):
    """What some steps gave; in the backward pass they are taken again, this time with their graph."""

    @staticmethod
    def forward(
        ctx: Any,
        steps: Callable[[Iterable[Tensor]], tuple[Params, State]],
        after: list[Tensor],
        through: Sequence[Tensor],
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.steps, ctx.through = steps, through
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors[len(through) :])
        return tuple(after)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        before = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        with torch.enable_grad():
            after = _tensors(ctx.steps(before))
        reached = [pair for pair in zip(after, gradients, strict=True) if pair[1] is not None]
        # What leads from `through` to the problem is every segment's: it stays.
        found = torch.autograd.grad(
            [tensor for tensor, _ in reached],
            [*ctx.through, *before],
            [gradient for _, gradient in reached],
            retain_graph=True,
            allow_unused=True,
        )
        return (None, None, None, *found)


def _tensors(at: tuple[Params, State]) -> list[Tensor]:
    """The tensors of parameters and optimizer state, in turn."""
    params, state = at
    tables = [params, *(part for part in state.values() if isinstance(part, dict))]
    return [tensor for table in tables for tensor in table.values()]


def _filled(at: tuple[Params, State], tensors: Iterable[Tensor]) -> tuple[Params, State]:
    """Parameters and state of the same shape with other tensors."""
    params, state = at
    rest = iter(tensors)
    filled = {name: next(rest) for name in params}
    return filled, {
        name: {key: next(rest) for key in part} if isinstance(part, dict) else part for name, part in state.items()
    }
