"""What learned attacks optimize: ranks and probabilities, over the users that the evaluation counts."""

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, budget, planted
from scipy.stats import rankdata
from torch import Tensor

from recbench.contracts import AttackerView, FitContext, Goal, KnowledgeViolation, Problem, RecbenchError, torch_rng
from recbench_plugins.attackers.objectives import (
    MEASURES,
    Aim,
    Objective,
    at_once,
    competitors,
    cross_entropy,
    log_rank,
)
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

TARGETS = np.array([N_ITEMS - 1, 3], dtype=np.int32)
objectives = pytest.mark.parametrize("objective", MEASURES)


def _scores(n: int = 60) -> Tensor:
    return torch.randn(n, N_ITEMS, generator=torch_rng(4))


def _view(goal: Goal = "push", knowledge: str = "interactions") -> AttackerView:
    return AttackerView(
        targets=TARGETS,
        budget=budget(),
        goal=goal,
        feedback="implicit",
        n_items=N_ITEMS,
        seed=0,
        knowledge=frozenset({knowledge}),  # type: ignore[arg-type]
        secrets={"interactions": planted()},
    )


def _scoring(scores: Tensor) -> tuple[Problem, dict[str, Tensor]]:
    """A problem and tables whose scores are the given ones."""
    return WMFSGD().problem(planted(), FitContext(0)), {"users": scores, "items": torch.eye(N_ITEMS)}


def test_a_narrow_log_rank_is_the_log_of_the_rank_with_ties_in_half() -> None:
    scores = _scores()
    scores[:, 7] = scores[:, TARGETS[0]]
    ranks = rankdata(-scores.numpy(), axis=1)[:, TARGETS]  # the mean of tied ranks
    # A target does not compete with itself but counts half in the smoothed rank: the rank less one half.
    expected = np.log(ranks - 0.5)
    smoothed = log_rank(scores, torch.tensor(TARGETS), width=1e-6)
    np.testing.assert_allclose(smoothed.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_log_rank_falls_as_the_target_rises_and_ignores_shift_and_scale() -> None:
    scores, targets = _scores(), torch.tensor(TARGETS)
    before = log_rank(scores, targets)
    torch.testing.assert_close(log_rank(1000 * scores - 7, targets), before, rtol=1e-3, atol=1e-4)
    raised = scores.clone()
    raised[:, TARGETS[0]] += 0.5
    assert (log_rank(raised, targets)[:, 0] < before[:, 0]).all()


def test_competitors_counts_only_what_does_not_rank_below_the_target() -> None:
    scores, targets = _scores(), torch.tensor(TARGETS)
    found = competitors(scores, targets)
    for user in range(3):
        for k, target in enumerate(TARGETS):
            own = scores[user, target]
            ahead = scores[user][scores[user] >= own]
            torch.testing.assert_close(found[user, k], (ahead.exp().sum() / own.exp()).log())
    first = scores.clone()
    first[:, TARGETS[0]] = scores.max() + 1
    assert not competitors(first, targets)[:, 0].any()


def test_equal_scores_have_a_finite_log_rank_and_gradient() -> None:
    scores = torch.zeros(2, N_ITEMS, requires_grad=True)
    loss = log_rank(scores, torch.tensor(TARGETS))
    torch.testing.assert_close(loss, torch.full((2, 2), float(np.log(N_ITEMS / 2))))
    loss.sum().backward()
    assert torch.isfinite(scores.grad).all()


def test_cross_entropy_is_minus_the_log_of_the_targets_share() -> None:
    scores = torch.tensor([[0.0, np.log(2.0), np.log(5.0)], [1.0, 1.0, 1.0]])
    expected = -torch.log(torch.tensor([[2 / 8, 1 / 8], [1 / 3, 1 / 3]]))
    torch.testing.assert_close(cross_entropy(scores.float(), torch.tensor([1, 0])), expected)


def test_log_rank_is_differentiated_with_its_width_held() -> None:
    scores = _scores(5).double().requires_grad_()
    width = 0.25 * scores.detach().std(dim=1, keepdim=True)
    for column, target in enumerate(TARGETS):
        expected = torch.sigmoid((scores - scores[:, [target]]) / width).sum(1).log()
        smoothed = log_rank(scores, torch.tensor(TARGETS), width=0.25)[:, column]
        torch.testing.assert_close(smoothed, expected)
        gradients = [torch.autograd.grad(loss.sum(), scores, retain_graph=True)[0] for loss in (smoothed, expected)]
        torch.testing.assert_close(*gradients)


@objectives
def test_the_loss_is_the_mean_over_the_users_who_do_not_have_each_target(objective: Objective) -> None:
    scores, data = _scores(), planted()
    problem, tables = _scoring(scores)
    values = MEASURES[objective](scores, torch.tensor(TARGETS)).numpy()
    has = data.csr.toarray()[:, TARGETS] > 0
    assert 0 < has.sum(0)[0] < has.sum(0)[1] < data.n_users
    found = float(Aim.of(_view(), objective).loss(problem, tables))
    assert found == pytest.approx(values[~has].mean(), rel=1e-5)
    assert found != pytest.approx(values.mean(), rel=1e-3)


@objectives
def test_users_who_have_all_targets_give_no_gradient(objective: Objective) -> None:
    scores, data = _scores().requires_grad_(), planted()
    aim = Aim.of(_view(), objective)
    aim.loss(*_scoring(scores)).backward()
    has = torch.tensor(data.csr.toarray()[:, TARGETS] > 0)
    aimed_at = scores.grad.abs().sum(1) > 0
    assert torch.equal(aimed_at, ~has.all(1))


@objectives
def test_a_nuke_wants_the_opposite_of_a_push(objective: Objective) -> None:
    problem, tables = _scoring(_scores())
    push, nuke = (float(Aim.of(_view(goal), objective).loss(problem, tables)) for goal in ("push", "nuke"))
    assert push == -nuke > 0
    raised = tables | {"users": tables["users"] + torch.eye(N_ITEMS)[TARGETS].sum(0)}
    assert float(Aim.of(_view("push"), objective).loss(problem, raised)) < push
    assert float(Aim.of(_view("nuke"), objective).loss(problem, raised)) > nuke


@objectives
@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_chunks_of_users_change_neither_the_loss_nor_its_gradient(objective: Objective, chunk: int) -> None:
    aim, results = Aim.of(_view(), objective), []
    for size in (2048, chunk):
        scores = _scores().requires_grad_()
        loss = aim.loss(*_scoring(scores), chunk=size)
        loss.backward()
        results.append((loss.detach(), scores.grad))
    torch.testing.assert_close(*results)


def test_scores_are_not_kept_for_the_backward_pass_where_there_are_several_chunks() -> None:
    def kept(chunk: int) -> int:
        """Numbers that the graph of the loss keeps."""
        sizes: list[int] = []

        def note(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        problem, tables = _scoring(_scores().requires_grad_())
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = Aim.of(_view(), "log-rank").loss(problem, tables, chunk=chunk)
            total = sum(sizes)
        assert torch.autograd.grad(loss, tables["users"])[0].any()
        return total

    assert kept(60) > 2 * 60 * N_ITEMS
    assert kept(6) < 60 * N_ITEMS / 4


def test_large_catalogues_are_scored_for_fewer_users_at_a_time() -> None:
    assert at_once(1682) == 2048
    assert 300 < at_once(41_000) < 500
    assert at_once(10**9) == 1


def test_an_aim_needs_the_interactions() -> None:
    with pytest.raises(KnowledgeViolation, match="touched 'interactions'"):
        Aim.of(_view(knowledge="statistics"), "log-rank")


def test_an_attack_on_targets_refuses_to_degrade() -> None:
    with pytest.raises(RecbenchError, match="its goals are push and nuke, not degrade"):
        Aim.of(_view("degrade"), "log-rank")
