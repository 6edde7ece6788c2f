"""The planted bilevel task: what the paper says of it, and a surrogate whose gradient is the one of its loss."""

from __future__ import annotations

import numpy as np
import torch

from recbench.conformance.bilevel import FAKES, GENUINE, ITEMS, SURROGATE, TARGET, BilevelTask
from recbench.contracts import FitContext, Problem, Profiles, RelaxedProfiles

TASK = BilevelTask.plant(0)


def test_about_an_eighth_of_the_matrix_is_liked_and_one_item_a_user_is_held_out() -> None:
    liked = len(TASK.train) + len(TASK.test)
    assert 0.11 < liked / (GENUINE * ITEMS) < 0.14
    assert TASK.test.user_counts.max() == 1
    assert not TASK.train.contains(TASK.test.users, TASK.test.items).any()


def test_random_fakes_hold_the_target_and_exactly_the_mean_length() -> None:
    fakes = TASK.random_fakes(0)
    fakes.check(TASK.budget)
    assert fakes.histories.lengths.tolist() == [round(TASK.train.user_counts.mean())] * FAKES
    assert all(TARGET[0] in fakes.histories[k] for k in range(FAKES))


def test_the_surrogates_closed_form_is_the_gradient_of_its_loss_and_reaches_the_fakes() -> None:
    weights = torch.tensor(np.random.default_rng(0).random((3, ITEMS)), dtype=torch.float32, requires_grad=True)
    problem = SURROGATE.problem(TASK.train, FitContext(0), RelaxedProfiles.dense(weights))
    params = {name: value.requires_grad_() for name, value in problem.init(1).items()}
    (batch,) = problem.batches(0, 0)
    own, true = problem.gradients(params, batch), Problem.gradients(problem, params, batch)
    for name in params:
        torch.testing.assert_close(own[name], true[name], rtol=1e-4, atol=1e-6)
    ((gradient,),) = [torch.autograd.grad(own["items"].square().sum(), [weights])]
    assert gradient.abs().min() > 0


def test_without_fakes_the_target_is_hardly_recommended_and_held_out_items_often_are() -> None:
    trace = TASK.judge(Profiles.empty(), seed=0)
    assert trace.hits < 0.1
    assert trace.rank > 70
    assert trace.quality > 0.45
