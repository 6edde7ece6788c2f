"""Evasion of a sequence model: items inserted into a history at recommendation time, by gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recbench.contracts import (
    AttackerView,
    EmbedsHistories,
    EvasionAttacker,
    FitContext,
    FittedProblem,
    KnowledgeViolation,
    Scorer,
    Sequential,
    numpy_rng,
)
from recbench.data.interactions import Histories

from .models import MatrixFactorization, RecencyAttention
from .planted import BLOCK, N_ITEMS, TARGET, budget, planted, view_of

Items = NDArray[np.integer]


def _ragged(lists: list[Items]) -> Histories:
    indptr = np.concatenate([[0], np.cumsum([len(each) for each in lists])])
    return Histories(indptr, np.concatenate(lists).astype(np.int32))


def _margins(victim: Sequential, histories: Histories) -> torch.Tensor:
    """By how much the target leads the best other item that the history does not hold, [b]."""
    scores = torch.as_tensor(victim.score_histories(histories)).clone()
    target = scores[:, TARGET].clone()
    scores[histories.rows, histories.items.astype(np.int64)] = -torch.inf
    scores[:, TARGET] = -torch.inf
    return target - scores.amax(1)


@dataclass(frozen=True)
class GradientInsertion(EvasionAttacker):
    """Greedy insertion: one gradient at a placeholder ranks every item at every position, the best few are tried.

    The first-order choice of a token, Ebrahimi, Rao, Lowd, Dou, "HotFlip", ACL 2018, eq. 4, on inserted clicks.
    """

    tried: int = 8

    def perturb(self, view: AttackerView, histories: Histories) -> Histories:
        victim = view.victim
        assert isinstance(victim, FittedProblem)
        assert isinstance(victim.problem, EmbedsHistories)
        changed = []
        for k in range(len(histories)):
            items: Items = histories[k]
            for _ in range(view.budget.sizes[k]):
                free = np.setdiff1d(np.arange(view.n_items), [*items, *view.targets])
                items = self._one_more(victim, items, free)
            changed.append(items)
        return _ragged(changed)

    def _one_more(self, victim: FittedProblem, items: Items, free: Items) -> Items:
        problem, tables = victim.problem, victim.tables
        assert isinstance(problem, EmbedsHistories)
        assert isinstance(victim, Sequential)
        # The placeholder is the mean of the free items: it stands for no one in particular.
        alone, _ = problem.embed(tables, _ragged([free[[j]] for j in range(len(free))]))
        choices = alone[:, -1]
        positions = np.arange(len(items) + 1)
        embedded, mask = problem.embed(tables, _ragged([np.insert(items, p, free[0]) for p in positions]))
        embedded = embedded.clone()
        places = torch.as_tensor(embedded.shape[1] - len(items) - 1 + positions)
        embedded[positions, places] = choices.mean(0)
        embedded.requires_grad_()
        scores = problem.scores_embedded(tables, embedded, mask)
        others = scores.clone()
        others[:, [TARGET, *items]] = -torch.inf
        margin = scores[:, TARGET] - others.logsumexp(1)
        (gradient,) = torch.autograd.grad(margin.sum(), embedded)
        first_order = margin[:, None] + gradient[positions, places] @ (choices - choices.mean(0)).T
        best = first_order.detach().flatten().topk(min(self.tried, first_order.numel())).indices.numpy()
        tries = [np.insert(items, at // len(free), free[at % len(free)]) for at in best]
        return tries[int(_margins(victim, _ragged(tries)).argmax())]


def _all_insertions(items: Items) -> Histories:
    free = np.setdiff1d(np.arange(N_ITEMS), [*items, TARGET])
    return _ragged([np.insert(items, p, j) for p in range(len(items) + 1) for j in free])


@pytest.fixture(scope="module")
def victim() -> Scorer:
    return replace(RecencyAttention(), epochs=30).fit(planted(), FitContext(6))


@pytest.fixture(scope="module")
def held_out() -> Histories:
    """Four clicks of users whom the victim was not trained on, none of them on the target."""
    data = planted(seed=31, n_users=24)
    return _ragged([data.histories[u][data.histories[u] != TARGET][:4] for u in range(data.n_users)])


def _perturbed(victim: Scorer, histories: Histories, added: int, tried: int = 8) -> Histories:
    spend = budget(len(histories), added)
    view = view_of(planted(), {"victim"}, spend, victim=victim)
    return GradientInsertion(tried).perturb(view, histories)


def _is_subsequence(short: Items, long: Items) -> bool:
    rest = iter(long.tolist())
    return all(item in rest for item in short.tolist())


def test_one_inserted_item_is_nearly_the_best_that_brute_force_finds(victim: Scorer, held_out: Histories) -> None:
    assert isinstance(victim, Sequential)
    before, found = _margins(victim, held_out), _margins(victim, _perturbed(victim, held_out, 1))
    best = torch.stack([_margins(victim, _all_insertions(held_out[k])).amax() for k in range(len(held_out))])
    assert (found <= best + 1e-5).all()
    assert ((found - before) / (best - before)).mean() > 0.9
    # The gradient finds it, not the tries: as many insertions drawn by lot fall far short.
    rng = numpy_rng(0, "lot")
    lot = []
    for k in range(len(held_out)):
        margins = _margins(victim, _all_insertions(held_out[k]))
        lot.append(margins[torch.as_tensor(rng.choice(len(margins), 8, replace=False))].amax())
    assert ((torch.stack(lot) - before) / (best - before)).mean() < 0.7


def test_with_every_insertion_tried_it_is_brute_force(victim: Scorer, held_out: Histories) -> None:
    assert isinstance(victim, Sequential)
    few = _ragged([held_out[k] for k in range(4)])
    found = _margins(victim, _perturbed(victim, few, 1, tried=10_000))
    best = torch.stack([_margins(victim, _all_insertions(few[k])).amax() for k in range(len(few))])
    torch.testing.assert_close(found, best)


def test_only_the_budget_is_added_and_nothing_is_taken_away(victim: Scorer, held_out: Histories) -> None:
    perturbed = _perturbed(victim, held_out, 2)
    assert (perturbed.lengths - held_out.lengths == 2).all()
    for k in range(len(held_out)):
        assert _is_subsequence(held_out[k], perturbed[k])
        assert len(set(perturbed[k].tolist())) == len(perturbed[k])
        assert TARGET not in perturbed[k]


def test_the_targets_rank_rises_with_each_added_item(victim: Scorer, held_out: Histories) -> None:
    assert isinstance(victim, Sequential)

    def mean_log_rank(histories: Histories) -> float:
        scores = torch.as_tensor(victim.score_histories(histories)).clone()
        target = scores[:, [TARGET]].clone()
        scores[histories.rows, histories.items.astype(np.int64)] = -torch.inf
        return float(torch.log2(1.0 + (scores > target).sum(1)).mean())

    ranks = [mean_log_rank(_perturbed(victim, held_out, added)) for added in (0, 1, 2)]
    assert ranks[0] > ranks[1] + 0.5
    assert ranks[1] > ranks[2]


def test_what_is_inserted_is_what_leads_to_the_target_in_the_planted_order(victim: Scorer, held_out: Histories) -> None:
    perturbed = _perturbed(victim, held_out, 1)
    added = np.array([np.setdiff1d(perturbed[k], held_out[k])[0] for k in range(len(held_out))])
    assert (added // BLOCK == TARGET // BLOCK).mean() > 0.6


def test_only_sequence_models_embed_histories_and_only_the_declared_see_the_victim(held_out: Histories) -> None:
    ctx = FitContext(0)
    assert isinstance(RecencyAttention().problem(planted(), ctx), EmbedsHistories)
    assert not isinstance(MatrixFactorization().problem(planted(), ctx), EmbedsHistories)
    gray = view_of(planted(), {"interactions"}, budget(len(held_out), 1))
    with pytest.raises(KnowledgeViolation, match="victim"):
        GradientInsertion().perturb(gray, held_out)
