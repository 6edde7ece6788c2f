"""Items appended to what a sequence model reads: beside brute force, within the budget and by what may be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recbench.component import Goal, Knowledge
from recbench.conformance.trained import Trained
from recbench.contracts import AttackerView, EvasionAttacker, Profiles, Queries, RecbenchError
from recbench.contracts.perturbation import Insertions
from recbench.data import Histories
from recbench.matrix.perturb import queries_of
from recbench_plugins.attackers.evasion.fgsm import EvasionFGSM
from recbench_plugins.attackers.evasion.greedy import GreedyInsertion, places
from recbench_plugins.attackers.evasion.pgd import EvasionPGD, onto_simplex
from recbench_plugins.attackers.evasion.random_insertion import RandomInsertion

TRAINED = Trained.plant(0)
HISTORIES = TRAINED.train.histories
TARGETS = TRAINED.pushed[:1]


def view_of(sizes: NDArray[np.int64], goal: Goal = "push", queries: Queries | None = None) -> AttackerView:
    n_items = TRAINED.train.n_items
    knowledge: frozenset[Knowledge] = frozenset({"victim", "queries"})
    secrets = {"victim": TRAINED.scorer, "queries": queries or queries_of(TRAINED.scorer, TRAINED.train)}
    budget = Insertions(sizes, n_items, banned=TARGETS)
    return AttackerView(TARGETS, budget, goal, "implicit", n_items, 5, knowledge, secrets=secrets)


def attack(attacker: EvasionAttacker, size: int = 1, goal: Goal = "push", queries: Queries | None = None) -> Histories:
    view = view_of(np.full(len(HISTORIES), size), goal, queries)
    changed = attacker.perturb(view, HISTORIES)
    view.budget.check(HISTORIES, changed)  # type: ignore[attr-defined]
    return changed


def standing(histories: Histories) -> NDArray[np.float64]:
    """The log2 rank of the target after each history, among all items that the history does not hold."""
    scores = TRAINED.scorer.score_histories(histories).numpy().astype(np.float64)
    own = scores[:, TARGETS].copy()
    scores[histories.rows, histories.items] = -np.inf
    return np.asarray(np.log2(1 + (scores > own).sum(1)))


def brute_force(k: int) -> float:
    """The best that one appended item can do."""
    free = np.setdiff1d(np.arange(TRAINED.train.n_items), [*HISTORIES[k], *TARGETS])
    lists = [np.append(HISTORIES[k], item).astype(np.int32) for item in free]
    return float(standing(Histories(np.cumsum([0, *map(len, lists)]), np.concatenate(lists))).min())


def test_one_item_by_gradient_is_nearly_the_best_there_is_and_a_random_one_is_not() -> None:
    some = np.arange(0, len(HISTORIES), 5)
    best = np.array([brute_force(int(k)) for k in some])
    before = standing(HISTORIES)[some]
    reached = {
        type(attacker).__name__: ((before - standing(attack(attacker))[some]) / (before - best).mean()).mean()
        for attacker in (EvasionFGSM(), EvasionPGD(), RandomInsertion())
    }
    assert reached["EvasionPGD"] > 0.8
    assert reached["EvasionPGD"] >= reached["EvasionFGSM"] > 0.5
    assert abs(reached["RandomInsertion"]) < 0.3


@pytest.mark.parametrize("attacker", [EvasionFGSM(), EvasionPGD(steps=3), GreedyInsertion()], ids=repr)
def test_more_items_do_more_and_a_nuke_goes_the_other_way(attacker: EvasionAttacker) -> None:
    before = standing(HISTORIES).mean()
    one, three = (standing(attack(attacker, size)).mean() for size in (1, 3))
    assert three < one < before
    assert standing(attack(attacker, 2, "nuke")).mean() > before
    with pytest.raises(RecbenchError, match="not degrade"):
        attack(attacker, 1, "degrade")


def test_greedy_keeps_what_helps_alone_and_looks_at_no_more_lists_than_it_may() -> None:
    queries = queries_of(TRAINED.scorer, TRAINED.train)
    queries.max_lists = 1000
    changed = attack(GreedyInsertion(), 2, queries=queries)
    assert queries.deployments == 1
    assert 800 < queries.lists <= 1000
    assert (standing(changed) <= standing(HISTORIES)).all()
    assert (changed.lengths >= HISTORIES.lengths).all()


def test_where_no_list_is_left_greedy_adds_the_best_items_untried() -> None:
    queries = queries_of(TRAINED.scorer, TRAINED.train)
    queries.max_lists = 2 * TRAINED.train.n_items
    changed = attack(GreedyInsertion(), 2, queries=queries)
    assert (changed.lengths == HISTORIES.lengths + 2).all()
    assert standing(changed).mean() < standing(HISTORIES).mean()


def test_places_are_the_targets_ranks_in_the_lists() -> None:
    view = view_of(np.ones(len(HISTORIES), np.int64))
    look = view.queries.deploy(Profiles.empty())
    holds = np.array([TARGETS[0] in HISTORIES[k] for k in range(len(HISTORIES))])
    found = places(view, look, HISTORIES)
    np.testing.assert_allclose(found[~holds], standing(HISTORIES)[~holds])


def test_the_projection_is_the_nearest_point_of_the_simplex_of_what_is_allowed() -> None:
    rng = torch.Generator().manual_seed(0)
    values, allowed = torch.randn(6, 9, generator=rng), torch.rand(6, 9, generator=rng) < 0.7
    allowed[:, 0] = True
    found = onto_simplex(values, allowed)
    assert (found >= 0).all()
    assert (found[~allowed] == 0).all()
    torch.testing.assert_close(found.sum(1), torch.ones(6))
    for corner in range(9):  # nearest: no way into the simplex leads closer
        away = torch.nn.functional.one_hot(torch.full((6,), corner), 9) - found
        nearer = ((values - found) * away).sum(1)
        assert (nearer[allowed[:, corner]] <= 1e-5).all()


def test_an_attacker_without_the_victim_or_an_embedding_has_no_gradient() -> None:
    view = view_of(np.ones(len(HISTORIES), np.int64))
    blind = replace(view, secrets={"victim": object()})
    with pytest.raises(RecbenchError, match="embeds no histories"):
        EvasionFGSM().perturb(blind, HISTORIES)
