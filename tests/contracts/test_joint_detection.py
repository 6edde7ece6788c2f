"""A detector trained jointly with any differentiable recommender: a problem that wraps a problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    Params,
    Problem,
    Profiles,
    Protected,
    Recommender,
    RobustTraining,
    Scorer,
    Tables,
    derive_seed,
    optimize,
)
from recbench.data.interactions import Interactions

from .models import FAMILIES
from .models.feedback import gaussian
from .planted import appended, budget, planted, random_profiles

families = pytest.mark.parametrize("model", FAMILIES, ids=lambda model: type(model).__name__)


@dataclass(frozen=True, eq=False)
class _JointBatch(Batch):
    recommender: Batch


class JointProblem(Problem):
    """The recommender's losses weighted by P(genuine), and the detector's likelihood of the labels.

    Zhang, Yin, Chen, Nguyen, Huang, Cui, "GCN-based user representation learning for unifying robust
    recommendation and fraudster detection" (GraphRfi), SIGIR 2020, eqs. 16 to 18, with one hidden layer
    in place of the forest. The detector reads how well the recommender explains a user: by its scores of
    the user's items and by the user's error, which is taken anew after every epoch.
    """

    def __init__(self, inner: Problem, rows: Tensor, labelled: Tensor, fake: Tensor, balance: float) -> None:
        self.inner, self.rows, self.labelled, self.fake, self.balance = inner, rows, labelled, fake, balance
        self.n_users, self.n_items, self.device = inner.n_users, inner.n_items, inner.device
        self.optimizer, self.epochs = inner.optimizer, inner.epochs
        self.errors = torch.zeros(inner.n_users, 2, device=inner.device)
        self.perturbable = frozenset(f"recommender.{name}" for name in inner.perturbable)

    def init(self, seed: int) -> Params:
        recommender = self.inner.init(derive_seed(seed, "recommender"))
        return {
            **{f"recommender.{name}": table for name, table in recommender.items()},
            "detector.hidden": gaussian(6, 8, 0.5, seed, "detector.hidden", self.device),
            "detector.output": gaussian(8, 1, 0.5, seed, "detector.output", self.device),
        }

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        for batch in self.inner.batches(seed, epoch):
            yield _JointBatch(torch.cat([batch.users, self.labelled]), batch.seed, recommender=batch)

    def encode(self, params: Params) -> Tables:
        tables = self.inner.encode(_part(params, "recommender."))
        return {
            **{f"recommender.{name}": table for name, table in tables.items()},
            **{name: value for name, value in params.items() if name.startswith("detector.")},
        }

    def losses(self, tables: Tables, batch: Batch) -> Tensor:
        assert isinstance(batch, _JointBatch)
        # Kept from collapsing: no user is dropped altogether, and the mean weight is one.
        genuine = torch.sigmoid(-self.logits(tables, batch.recommender.users)).clamp(min=0.05)
        recommender = self.inner.losses(_part(tables, "recommender."), batch.recommender) * (genuine / genuine.mean())
        labels = torch.nn.functional.binary_cross_entropy_with_logits(
            self.logits(tables, self.labelled), self.fake, reduction="none"
        )
        return torch.cat([recommender, self.balance * labels])

    def measure(self, epoch: int, params: Params) -> None:
        """Every user's mean loss, as such and an item, standardized over users."""
        total, count = (torch.zeros(self.n_users, device=self.device) for _ in range(2))
        with torch.no_grad():
            tables = self.inner.encode(_part(params, "recommender."))
            for batch in self.inner.batches(0, epoch):
                losses = self.inner.losses(tables, batch)
                total.index_add_(0, batch.users, losses)
                count.index_add_(0, batch.users, torch.ones_like(losses))
        errors = total / count.clamp(min=1)
        errors = torch.stack([errors, errors / self.rows.sum(1)], 1)
        self.errors = (errors - errors.mean(0)) / errors.std(0)

    def logits(self, tables: Tables, users: Tensor) -> Tensor:
        """The log odds of fake, [b]."""
        rows = self.rows[users]
        # Read, not moved: the labels would bend the labelled users' own embeddings and teach nothing of others.
        scores = self.inner.scores(_part(tables, "recommender."), users).detach()
        scores = (scores - scores.mean(1, keepdim=True)) / (scores.std(1, keepdim=True) + 1e-6)
        sizes = rows.sum(1)
        fit = (rows * scores).sum(1) / sizes
        spread = ((rows * (scores - fit[:, None]) ** 2).sum(1) / sizes).sqrt()
        worst = torch.where(rows > 0, scores, torch.inf).amin(1)
        features = torch.column_stack([fit, spread, worst, self.errors[users], torch.ones_like(fit)])
        return (torch.tanh(features @ tables["detector.hidden"]) @ tables["detector.output"]).squeeze(1)

    def penalty(self, params: Params, batch: Batch) -> Tensor:
        assert isinstance(batch, _JointBatch)
        return self.inner.penalty(_part(params, "recommender."), batch.recommender)

    def scores(self, tables: Tables, users: Tensor) -> Tensor:
        return self.inner.scores(_part(tables, "recommender."), users)

    def finish(self, params: Params) -> Scorer:
        return self.inner.finish(_part(params, "recommender."))


def _part(tables: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): table for name, table in tables.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class JointDetection(RobustTraining):
    balance: float = 20.0

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        assert isinstance(recommender, Differentiable)
        assert ctx.examples is not None
        data = appended(train, ctx.examples)
        everybody = torch.arange(data.n_users, device=ctx.device)
        problem = JointProblem(
            recommender.problem(data, ctx),
            torch.tensor(data.csr.toarray(), device=ctx.device),
            everybody,
            (everybody >= train.n_users).float(),
            self.balance,
        )
        params = optimize(problem, ctx, on_epoch=problem.measure)
        with torch.no_grad():
            suspicion = problem.logits(problem.encode(params), torch.arange(train.n_users, device=ctx.device)).sigmoid()
        return Protected(problem.finish(params), suspicion.cpu().numpy())


def _examples() -> Profiles:
    """Fakes of another target."""
    return random_profiles(budget(20), seed=9, target=5)


def _poisoned() -> tuple[Interactions, NDArray[np.bool_]]:
    train = planted()
    data = appended(train, random_profiles(budget(8), seed=4))
    return data, np.arange(data.n_users) >= train.n_users


@families
def test_hidden_fakes_of_the_labelled_kind_are_found(model: Differentiable) -> None:
    data, fake = _poisoned()
    protected = JointDetection().fit(model, data, FitContext(1, examples=_examples()))
    assert protected.suspicion is not None
    # The examples are gone again: one judgement a user of the data, and the data's users are scored.
    assert protected.suspicion.shape == (data.n_users,)
    assert protected.scorer.score(np.arange(data.n_users)).shape == (data.n_users, data.n_items)
    assert roc_auc_score(fake, protected.suspicion) > 0.9


@families
def test_what_it_finds_is_what_it_was_shown(model: Differentiable) -> None:
    data, fake = _poisoned()
    genuine = planted(seed=9, n_users=20)
    misled = JointDetection().fit(model, data, FitContext(1, examples=Profiles(genuine.indptr, genuine.items)))
    assert roc_auc_score(fake, misled.suspicion) < 0.8


@families
def test_the_recommender_under_the_detector_still_recommends_and_every_parameter_is_trained(
    model: Differentiable,
) -> None:
    data, _ = _poisoned()
    ctx = FitContext(1, examples=_examples())
    scores = np.asarray(JointDetection().fit(model, data, ctx).scorer.score(np.arange(60)))
    scores[data.csr.toarray()[:60] > 0] = -np.inf
    inside = scores.argmax(1) // 10 == np.arange(60) % 4
    assert inside.mean() > 0.5


def test_the_detectors_own_parameters_and_the_recommenders_move_in_one_training() -> None:
    data, _ = _poisoned()
    joined = appended(data, _examples())
    ctx = FitContext(1)
    inner = FAMILIES[0].problem(joined, ctx)
    everybody = torch.arange(joined.n_users)
    fake = (everybody >= data.n_users).float()
    problem = JointProblem(inner, torch.tensor(joined.csr.toarray()), everybody, fake, balance=5.0)
    start = problem.init(derive_seed(ctx.seed, "init"))
    end = optimize(problem, ctx)
    assert set(start) == set(end) == {"recommender.users", "recommender.items", "detector.hidden", "detector.output"}
    assert all(not torch.equal(start[name], end[name]) for name in start)
