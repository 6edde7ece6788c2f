"""A small problem, with drawn parameters and a batch of it, for one step of robust training."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from contracts.planted import planted

from recbench.contracts import (
    Batch,
    Differentiable,
    FitContext,
    Params,
    Problem,
    Recommender,
    RobustTraining,
    Scorer,
    torch_rng,
)
from recbench.data.interactions import Interactions
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

MODELS = {
    "bpr-mf": BPRMF(dim=6, lr=0.1, l2=0.02, epochs=8, batch_size=64),
    "wmf-sgd": WMFSGD(dim=6, epochs=8, batch_users=24),
}


class OneStep(NamedTuple):
    """What a step is given, and the model of it."""

    model: Differentiable
    problem: Problem
    params: Params
    batch: Batch


@pytest.fixture(params=MODELS)
def one_step(request: pytest.FixtureRequest) -> OneStep:
    """One step of a model with a loss for each triple, and of one with a loss for each user's row."""
    model = MODELS[request.param]
    problem = model.problem(planted(), FitContext(seed=0))
    params = {
        name: torch.randn(table.shape, generator=torch_rng(1, name)).requires_grad_()
        for name, table in problem.init(0).items()
    }
    return OneStep(model, problem, params, next(iter(problem.batches(seed=3, epoch=0))))


@dataclass(frozen=True)
class Guarded(Recommender):
    """A short bpr-mf under robust training, as a recommender."""

    training: RobustTraining | None

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        model = BPRMF(dim=16, epochs=15)
        return model.fit(train, ctx) if self.training is None else self.training.fit(model, train, ctx).scorer


@pytest.fixture
def protected() -> type[Guarded]:
    """Makes a recommender of a robust training, or of none."""
    return Guarded
