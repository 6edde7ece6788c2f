"""Budgets of attacks on trained victims: what is over them is refused, by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recbench.contracts import BudgetViolation
from recbench.contracts.perturbation import Ball, Insertions
from recbench.data.interactions import Histories


def histories(*lists: list[int]) -> Histories:
    indptr = np.cumsum([0, *map(len, lists)])
    return Histories(indptr, np.array([item for each in lists for item in each], np.int32))


READ = histories([4, 2, 9], [1], [])
BUDGET = Insertions(np.array([1, 2, 1]), 10, banned=np.array([7], np.int32))


@pytest.mark.parametrize(
    "changed", [READ, histories([4, 2, 5, 9], [3, 1, 0], [8]), histories([5, 4, 2, 9], [1, 0], [])]
)
def test_items_may_be_added_anywhere_within_the_budget(changed: Histories) -> None:
    BUDGET.check(READ, changed)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (histories([4, 2, 9, 5, 6], [1], []), "2 items are added to history 0; the budget is 1"),
        (histories([2, 9, 5], [1], []), "lacks an item that it had"),
        (histories([4, 9, 2], [1], []), "in another order"),
        (histories([4, 2, 9, 4], [1], []), "holds an item twice"),
        (histories([4, 2, 9], [1, 0, 0], []), "holds an item twice"),
        (histories([4, 2, 9], [7, 1], []), r"targets \[7\] are added"),
        (histories([4, 2, 9], [1, 10], []), "item ids reach from 1 to 10; the catalogue has 10"),
        (histories([4, 2, 9], [1, -1], []), "item ids reach from -1"),
        (histories([4, 2, 9], [1]), "expected 3 of them"),
        (Histories(READ.indptr, READ.items.astype(np.float32)), "expected integers"),
        (Histories(np.array([0, 3, 2, 4]), READ.items), "indptr does not describe items"),
        # A target that was there already stays; another user's originals are no licence to add.
        (histories([4, 2, 9], [1], [4, 2]), "2 items are added to history 2"),
    ],
)
def test_every_violation_of_the_budget_of_insertions_is_caught(changed: Histories, reason: str) -> None:
    with pytest.raises(BudgetViolation, match=reason):
        BUDGET.check(READ, changed)


def test_a_target_that_was_read_before_is_no_violation() -> None:
    before = histories([7, 1])
    Insertions(np.array([1]), 10, banned=np.array([7], np.int32)).check(before, histories([7, 2, 1]))


TABLES = {"users": torch.tensor([[3.0, 4.0], [0.0, 0.0]]), "rows": torch.ones(2, 2)}
BALL = Ball(np.zeros(0, np.int64), 10, radius=0.2)


def moved(row: int, change: list[float], table: str = "users") -> dict[str, torch.Tensor]:
    tables = {name: value.clone() for name, value in TABLES.items()}
    tables[table][row] += torch.tensor(change)
    return tables


def test_a_row_may_move_by_a_share_of_its_own_length() -> None:
    BALL.check({"users"}, TABLES, moved(0, [0.0, 1.0]))
    BALL.check({"users"}, TABLES, moved(0, [0.6, -0.8]))


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (moved(0, [0.0, 1.001]), "row 0 of 'users' is moved by 1.001; the budget is 1"),
        (moved(1, [0.01, 0.0]), "row 1 of 'users' is moved by 0.01; the budget is 0"),
        (moved(0, [0.1, 0.0], "rows"), "table 'rows' is moved; perturbable are"),
        (moved(0, [float("nan"), 0.0]), "not finite"),
        ({"users": TABLES["users"]}, "expected"),
        ({**TABLES, "users": TABLES["users"][:1]}, "is not the tensor it was"),
        ({**TABLES, "users": TABLES["users"].numpy()}, "is not the tensor it was"),
    ],
)
def test_every_violation_of_the_ball_is_caught(after: dict[str, torch.Tensor], reason: str) -> None:
    with pytest.raises(BudgetViolation, match=reason):
        BALL.check({"users"}, TABLES, after)


def test_the_projection_is_the_nearest_table_in_the_balls() -> None:
    rng = torch.Generator().manual_seed(0)
    table, far = torch.randn(50, 8, generator=rng), torch.randn(50, 8, generator=rng)
    near = table + 0.01 * far
    found = BALL.project(table, table + far)
    BALL.check({"users"}, {"users": table}, {"users": found})
    torch.testing.assert_close((found - table).norm(dim=1), 0.2 * table.norm(dim=1))
    torch.testing.assert_close(
        torch.nn.functional.cosine_similarity(found - table, far), torch.ones(50)
    )  # straight towards where it came from
    assert torch.equal(BALL.project(table, near), near) or torch.allclose(BALL.project(table, near), near)
