"""`Problem`: the training of a differentiable recommender, as pure functions of its parameters.

Attacks differentiate through it, adversarial training perturbs it, joint detectors wrap it, and plain
`fit` trains it: all on the same path. `encode` (parameters to tables: where a graph is propagated and
where fakes enter) is split from `losses` (tables to one loss an example), so that one training step
serves matrix factorization, graph models, autoencoders and sequence models alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from recbench.contracts.optimizers import Optimizer
    from recbench.contracts.recommender import Scorer
    from recbench.data.interactions import Histories

Params = dict[str, Tensor]
Tables = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Batch:
    """The examples of one training step; problems subclass it with data of their own.

    Args:
        users: int64 [b], the user of each example.
        seed: all noise of the step (dropout, sampling inside the loss) derives from it.
    """

    users: Tensor
    seed: int


@dataclass(frozen=True)
class EarlyStopping:
    """Validate every `every` epochs; stop after `patience` validations without a new best; keep the best."""

    every: int
    patience: int


class Problem(ABC):
    """The training problem of one recommender on one data set, bound to its fakes if there are any.

    Building a problem is cheap: an attack builds one for every step of its profiles.

    Attributes:
        n_users: genuine users and fakes; fakes are the last ones.
        n_items: size of the catalogue.
        device: where every tensor lives.
        optimizer: the optimizer as data.
        epochs: how many epochs `train` runs at most.
        early_stopping: None trains for all epochs.
        perturbable: the keys of `encode`'s result that adversarial training may move.
        rowwise: whether plain training takes and changes only the rows that `narrow` names: the same training, to
            rounding, in time that does not grow with the tables. Needs Adagrad, which leaves rows without a gradient
            alone.
    """

    n_users: int
    n_items: int
    device: str
    optimizer: Optimizer
    epochs: int
    early_stopping: EarlyStopping | None = None
    perturbable: frozenset[str] = frozenset()
    rowwise: bool = False

    @abstractmethod
    def init(self, seed: int) -> Params:
        """Fresh parameters; every table draws from a stream of its own."""

    @abstractmethod
    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""

    @abstractmethod
    def encode(self, params: Params) -> Tables:
        """What losses and scores are made of; the gradient of relaxed fakes enters here."""

    @abstractmethod
    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        """One unreduced loss an example, [b]; weights of relaxed fakes multiply theirs."""

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        """The regularization of one step, a scalar; on the rows that the batch sampled."""
        return next(iter(params.values())).new_zeros(())

    @abstractmethod
    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        """Scores of every item, [b, n_items], for int64 `users` [b]."""

    def gradients(self, params: Params, batch: Batch) -> Params:
        """The gradient of `mean_loss`, with a graph of its own where autograd is enabled.

        A problem that knows its gradient in closed form, of differentiable operations, may give it here: training
        then costs half as much, and so does differentiating through it.
        """
        attached = torch.is_grad_enabled()
        if not attached:
            params = {name: value.detach().requires_grad_() for name, value in params.items()}
        with torch.enable_grad():
            loss = mean_loss(self, params, batch)
        # A table that the loss does not touch (a bias the batch leaves out) has no gradient: zero.
        gradients = torch.autograd.grad(
            loss, list(params.values()), create_graph=attached, allow_unused=True, materialize_grads=True
        )
        return dict(zip(params, gradients, strict=True))

    def narrow(self, batch: Batch) -> tuple[Params, Batch]:
        """The distinct rows of every parameter that a batch's `mean_loss` depends on, and the batch in their numbers.

        Raises:
            NotImplementedError: the loss depends on whole tables.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say which rows a batch needs; leave rowwise off")

    def finish(self, params: Params) -> Scorer:
        """The fitted model; encodes once."""
        with torch.no_grad():
            return FittedProblem(self, {name: table.detach() for name, table in self.encode(params).items()})


def mean_loss(problem: Problem, params: Params, batch: Batch) -> Tensor:
    """What one step descends: the mean loss of the batch's examples plus the problem's penalty, a scalar."""
    return problem.losses(problem.encode(params), batch).mean() + problem.penalty(params, batch)


@runtime_checkable
class EmbedsHistories(Protocol):
    """A problem of a sequence model, whose scores are a function of embedded histories: evasion needs it."""

    def embed(self, tables: Tables, histories: Histories) -> tuple[Tensor, Tensor]:
        """Embedded histories [b, length, dim], padded at the left, and their mask [b, length]."""

    def scores_embedded(self, tables: Tables, embedded: Tensor, mask: Tensor) -> Tensor:
        """Scores of the next item [b, n_items], differentiable in `embedded`."""


@runtime_checkable
class ScoresRows(Protocol):
    """A problem of a fold-in model, whose scores are a function of a user's row: attacks at test time need it."""

    def scores_rows(self, tables: Tables, rows: Tensor) -> Tensor:
        """Scores [b, n_items] for users with interaction weights `rows` [b, n_items], differentiable in them."""


@dataclass(frozen=True, eq=False)
class FittedProblem:
    """The scorer that a trained problem leaves behind."""

    problem: Problem
    tables: Tables

    def score(self, users: NDArray[np.integer]) -> Tensor:
        """Scores of every item, [b, n_items]."""
        with torch.no_grad():
            return self.problem.scores(self.tables, torch.tensor(users, dtype=torch.int64, device=self.problem.device))

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The encoded tables, by name."""
        return {name: table.cpu().numpy() for name, table in self.tables.items()}
