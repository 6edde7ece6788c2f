"""Faster training steps: `amp` and `compile`, options of recommenders, refused where they change a ranking.

- `amp`: the losses in bfloat16 where torch's autocast takes it, that is in products of dense matrices. Parameters,
  optimizer, penalty and the scores of the trained model stay in float32. Offered where there are such products.
- `compile`: losses, penalty and their gradient as one program of `torch.compile`. Offered where they are one: it takes
  in neither a sparse product nor noise of a generator. What `encode` does stays outside.

Both concern plain training alone, `Problem.gradients` without a graph. Robust training has steps of its own, and what
differentiates through a training needs second derivatives, which compiled programs do not have: they find the problem
as it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from recbench.contracts import Batch, FitContext, Params, Problem, RecbenchError, Tables, derive_seed

STEPS = 10
"""Training steps, from the same parameters on the same batches, after which rankings are compared."""
USERS = 256
"""How many users' rankings, at most."""
TOP = 10
"""Length of the lists."""
KEPT = 0.9
"""The share of the lists that must be the same with an option as without. See docs/validation/acceleration.md."""


Loss = Callable[[Params, Batch], Tensor]


class Accelerable(Problem):
    """A problem whose steps of plain training may be exchanged for faster ones."""

    loss: Loss | None = None
    """What stands for `mean_loss` in a gradient without a graph; None is `mean_loss` itself."""

    def gradients(self, params: Params, batch: Batch) -> Params:
        if self.loss is None or torch.is_grad_enabled():
            return super().gradients(params, batch)
        leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
        with torch.enable_grad():
            loss = self.loss(leaves, batch)
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return dict(zip(leaves, gradients, strict=True))


P = TypeVar("P", bound=Accelerable)


def in_bfloat16(problem: P, ctx: FitContext) -> P:
    """The problem itself, its losses taken in bfloat16.

    Args:
        problem: without relaxed fakes; those are there to be differentiated.
        ctx: its seed gives the first steps of the training to come, which are tried with and without the option.

    Raises:
        RecbenchError: the device has no bfloat16, or the ranking would be another one.
    """
    _require_bfloat16(torch.device(problem.device))
    return _agreeing("amp", problem, partial(_loss_in_bfloat16, problem), ctx)


def compiled(problem: P, ctx: FitContext) -> P:
    """The problem itself, its losses and penalty compiled.

    Args:
        problem: without relaxed fakes; those are there to be differentiated.
        ctx: its seed gives the first steps of the training to come, which are tried with and without the option.

    Raises:
        RecbenchError: nothing can be compiled on this machine, the ranking would be another one, or the same steps do
            not give the same parameters.
    """
    # What else this process has compiled decides what is compiled next, and for which sizes: begin anew, always alike.
    torch.compiler.reset()
    # One thread: several would add to the same row of a gradient in any order.
    step = torch.compile(
        _loss_of_tables, dynamic=True, fullgraph=True, options={"cpp.threads": 1, "compile_threads": 1}
    )

    def loss(params: Params, batch: Batch) -> Tensor:
        return step(problem, problem.encode(params), params, batch)

    try:
        _agreeing("compile", problem, loss, ctx)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RecbenchError(
            "compile: torch.compile fails on this machine; install a C++ compiler such as g++ (for a GPU, Triton) or "
            f"leave compile off. It said: {reason}"
        ) from error
    once, again = (first_scores(problem, ctx.seed) for _ in range(2))
    if not torch.equal(once, again):
        raise RecbenchError(
            f"compile: on '{problem.device}' the compiled steps give another model each time, where a seed must give "
            "the same one; leave compile off"
        )
    return problem


def _agreeing(option: str, problem: P, loss: Loss, ctx: FitContext) -> P:
    """The problem with this loss, if some steps with it leave `KEPT` of the lists of some users as they are without."""
    without = first_scores(problem, ctx.seed)
    problem.loss = loss
    kept = shared(without, first_scores(problem, ctx.seed), TOP)
    if kept < KEPT:
        raise RecbenchError(
            f"{option}: after {STEPS} training steps {kept:.0%} of the users' {TOP} best items are those of training "
            f"without it, and {KEPT:.0%} must be; leave {option} off with these parameters on this data"
        )
    return problem


def shared(one: Tensor, other: Tensor, top: int) -> float:
    """The share of the `top` best items of each row of `one` [b, n_items] that are among those of `other`."""
    top = min(top, one.shape[1])
    lists = [torch.zeros_like(scores).scatter(1, scores.topk(top).indices, 1.0) for scores in (one, other)]
    return float((lists[0] * lists[1]).sum()) / (top * len(one))


def _loss_in_bfloat16(problem: Problem, params: Params, batch: Batch) -> Tensor:
    """`mean_loss`, whose penalty needs no product of matrices and all digits of its counts."""
    with torch.autocast(torch.device(problem.device).type, torch.bfloat16):
        losses = problem.losses(problem.encode(params), batch)
    return losses.float().mean() + problem.penalty(params, batch)


def _loss_of_tables(problem: Problem, tables: Tables, params: Params, batch: Batch) -> Tensor:
    """`mean_loss`, given what `encode` makes of the parameters."""
    return problem.losses(tables, batch).mean() + problem.penalty(params, batch)


def first_scores(problem: Problem, seed: int, steps: int = STEPS) -> Tensor:
    """Scores [b, n_items] of some users after the first `steps` that `optimize` takes with this seed."""
    params = problem.init(derive_seed(seed, "init"))
    state = problem.optimizer.init(params)
    stream = derive_seed(seed, "batches")
    batches = (batch for epoch in range(problem.epochs) for batch in problem.batches(stream, epoch))
    users = torch.linspace(0, problem.n_users - 1, min(problem.n_users, USERS), device=problem.device).long()
    with torch.no_grad():
        for batch in islice(batches, steps):
            params, state = problem.optimizer.update(params, problem.gradients(params, batch), state)
        return problem.scores(problem.encode(params), users)


def _require_bfloat16(device: torch.device) -> None:
    """A CPU without the instructions emulates it, slowly and with the same result."""
    if device.type == "cpu":
        return
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        name = torch.cuda.get_device_name(device)
        raise RecbenchError(
            f"amp: {name} has no bfloat16, which GPUs have from compute capability 8.0 on; leave amp off"
        )
    if not torch.amp.is_autocast_available(device.type):
        raise RecbenchError(
            f"amp: torch has no mixed precision on '{device.type}'; leave amp off or run on cpu or cuda"
        )
