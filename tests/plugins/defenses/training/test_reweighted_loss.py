"""Reweighted loss: the weights of the paper, and what they do to training."""

from typing import Any

import numpy as np
import torch
from contracts.planted import planted

from recbench.contracts import FitContext, mean_loss
from recbench_plugins.defenses.training.reweighted_loss import ReweightedLoss, confidence

CTX = FitContext(seed=0)


def test_a_positive_weighs_its_probability_and_a_negative_the_complement_to_a_power() -> None:
    scores, labels = torch.tensor([2.0, -1.0, 0.5, -3.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    losses = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels, reduction="none")
    probability = torch.sigmoid(scores)
    power = 0.25 / losses.mean()
    expected = torch.where(labels == 1, probability, 1 - probability) ** power
    torch.testing.assert_close(confidence(losses, 0.25), expected)


def test_weights_do_not_depend_on_the_scale_of_the_loss() -> None:
    losses = torch.tensor([1.0, 2.0, 9.0])
    torch.testing.assert_close(confidence(losses, 0.5), confidence(1000 * losses, 0.5))
    assert confidence(torch.zeros(3), 0.5).tolist() == [1, 1, 1]


def test_the_gradient_is_that_of_the_losses_at_fixed_weights(one_step: Any) -> None:
    _, problem, params, batch = one_step
    tables = list(params.values())

    def gradients(loss: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(loss, tables, allow_unused=True, materialize_grads=True)

    losses = problem.losses(problem.encode(params), batch)
    weights = torch.tensor(confidence(losses, 0.5).numpy())
    expected = gradients((weights * losses).mean() + problem.penalty(params, batch))
    for found, wanted in zip(gradients(ReweightedLoss(0.5).step(problem, params, batch)), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_beta_zero_is_the_plain_step_and_else_training_changes(one_step: Any) -> None:
    model, problem, params, batch = one_step
    torch.testing.assert_close(ReweightedLoss(0.0).step(problem, params, batch), mean_loss(problem, params, batch))
    everyone = np.arange(60)
    plain, robust = (ReweightedLoss(beta).fit(model, planted(), CTX).scorer.score(everyone) for beta in (0.0, 0.5))
    assert not torch.allclose(plain, robust, atol=1e-3)
