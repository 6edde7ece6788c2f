"""Median of means: aggregation by hand, plain training as a special case, and one user who cannot bend a step."""

from collections.abc import Callable
from typing import Any

import torch
from contracts.planted import planted

from recbench.contracts import FitContext, mean_loss
from recbench_plugins.defenses.training.median_of_means import MedianOfMeans, aggregate, robust_step
from recbench_plugins.recommenders.simgcl import SimGCL


def test_the_median_is_over_the_groups_that_touch_a_row() -> None:
    gradients = torch.tensor([[1.0, 0.0, 0.0], [2.0, 5.0, 0.0], [9.0, 1.0, 0.0], [0.0, 2.0, 4.0], [0.0, 100.0, 3.0]])
    found = aggregate(gradients[:, :, None])[:, 0]
    # Three groups with median 2; four with the mean of 2 and 5; two, which are summed; none.
    torch.testing.assert_close(found, torch.tensor([3 * 2.0, 4 * 3.5, 7.0]))
    assert aggregate(torch.zeros(5, 2, 3)).tolist() == torch.zeros(2, 3).tolist()


def gradients(step: torch.Tensor, params: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    found = torch.autograd.grad(step, list(params.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(params, found, strict=True))


def test_one_group_gives_the_plain_gradient_and_so_do_equal_groups(one_step: Any) -> None:
    _, problem, params, batch = one_step
    plain = gradients(mean_loss(problem, params, batch), params)
    for n_groups in (1, 2):
        group = torch.arange(problem.n_users) % n_groups
        found = gradients(robust_step(problem, params, batch, group, n_groups), params)
        for name in params:
            torch.testing.assert_close(found[name], plain[name])
    equal = torch.rand(4, 3, generator=torch.Generator().manual_seed(0)).expand(5, 4, 3)
    torch.testing.assert_close(aggregate(equal), equal.sum(dim=0))


def test_a_users_own_row_takes_the_plain_gradient(one_step: Any) -> None:
    _, problem, params, batch = one_step
    group = torch.arange(problem.n_users) % 9
    plain = gradients(mean_loss(problem, params, batch), params)
    found = gradients(robust_step(problem, params, batch, group, 9), params)
    torch.testing.assert_close(found["users"], plain["users"])
    assert not torch.allclose(found["items"], plain["items"])


def test_tables_of_several_layers_are_aggregated_by_row_and_layer() -> None:
    model = SimGCL(dim=6, layers=2)
    problem = model.problem(planted(), FitContext(seed=0))
    params = {name: table.requires_grad_() for name, table in problem.init(0).items()}
    assert problem.encode(params)["user-layers"].dim() == 3
    batch = next(iter(problem.batches(seed=3, epoch=0)))
    plain = gradients(mean_loss(problem, params, batch), params)
    for n_groups, same in ((2, True), (9, False)):
        group = torch.arange(problem.n_users) % n_groups
        found = gradients(robust_step(problem, params, batch, group, n_groups), params)
        assert all(torch.allclose(found[name], plain[name], atol=1e-6) for name in params) is same


def test_a_thousandfold_gradient_of_one_group_moves_the_result_no_further_than_the_others_reach() -> None:
    honest = torch.randn(9, 20, 4, generator=torch.Generator().manual_seed(0))
    bent = honest.clone()
    bent[3] *= 1000
    others = torch.cat([honest[:3], honest[4:]])
    found = aggregate(bent) / 9
    assert (found <= others.max(dim=0).values).all()
    assert (found >= others.min(dim=0).values).all()
    assert bent.sum(dim=0).abs().max() > 100 * found.abs().max()


def test_it_costs_some_quality_on_clean_data(
    ndcg_on_movielens: Callable[[Any], float], protected: Callable[..., Any]
) -> None:
    assert ndcg_on_movielens(protected(MedianOfMeans(groups=5))) > 0.8 * ndcg_on_movielens(protected(None))
