"""The arena, the watch on training, and what is said of an attacker."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import torch
from plugins_broken.attackers import ALSO

from recbench.component import Component
from recbench.conformance import Subject, checks_of, perform
from recbench.conformance.arena import Task
from recbench.conformance.learning import leaves, watched, withholding
from recbench.contracts import AttackerView, Profiles
from recbench_plugins.attackers.heuristic.popular import Popular


def test_a_crash_on_a_goal_that_is_not_declared_is_called_one_and_says_with_what() -> None:
    name = "it serves the goals and tracks that it declares and no others"
    (component,) = ALSO[name]
    (each,) = [each for each in checks_of("attacker") if each.name == name]
    said = perform(each, Subject(component)).reason
    assert "crashes: ValueError: 'nuke' is not in list" in said
    assert "takes the task" not in said


@dataclass(frozen=True)
class Overdoes(Popular):
    """Of many profiles it makes none that holds a target."""

    def craft(self, view: AttackerView) -> Profiles:
        return super().craft(replace(view, goal="degrade") if view.budget.n_profiles > 20 else view)


def test_damage_is_reported_against_the_budget_and_flagged_where_it_falls() -> None:
    (spent,) = [each for each in checks_of("attacker") if each.name == "a larger budget is spent"]
    notes = []
    for attacker in (Popular, Overdoes):
        component = Component(
            "attacker", "mine", f"{attacker.__module__}:{attacker.__name__}", knowledge=frozenset({"statistics"})
        )
        outcome = perform(spent, Subject(component))
        assert outcome.status == "passed"
        notes.append(outcome.reason)
    assert re.match(r"\+0\.\d+ bits at 10% of the users, \+\d\.\d+ at 30%; holds 2\.\d times the items", notes[0])
    assert notes[1].startswith("FLAG, damage falls as the budget grows: +0.")


def test_the_kits_own_random_fakes_keep_to_the_budget() -> None:
    task = Task.plant(0)
    for feedback in ("implicit", "explicit"):
        view = task.view(frozenset(), feedback, n_targets=3)
        task.random_fakes(view).check(view.budget)


def test_what_a_view_does_not_offer_comes_from_another_task() -> None:
    task, other = Task.plant(0), Task.plant(1)
    view = task.view(frozenset({"statistics"}), offered=other)
    assert view.secrets["statistics"].counts.tolist() == task.train.item_counts.tolist()
    assert view.secrets["interactions"].digest == other.seen("implicit").digest


def test_a_watch_sees_who_is_given_no_gradient_and_who_does_not_move() -> None:
    live, dead, still = (torch.nn.Parameter(torch.ones(2, 2)) for _ in range(3))
    groups: list[dict[str, Any]] = [{"params": [live, dead]}, {"params": [still], "lr": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    with watched() as watch:
        for _ in range(2):
            optimizer.zero_grad()
            (live.sum() + still.sum()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        leaf = torch.ones(3, requires_grad=True)
        torch.autograd.grad((0 * leaf).sum(), leaf)
    idle = watch.idle()
    assert [line.rsplit(" never ")[-1] for line in idle[:2]] == ["was given a gradient", "moved"]
    assert "always zero" in idle[2]
    assert torch.autograd.grad.__module__ == "torch.autograd"


def test_where_gradients_are_withheld_they_are_zero_and_nothing_moves() -> None:
    moved, aside = (torch.nn.Parameter(torch.ones(2, 2)) for _ in range(2))
    optimizer = torch.optim.Adam([moved, aside], lr=0.1)
    loss = (3 * moved).square().sum()
    assert [leaf is moved for leaf in leaves([loss])] == [True]
    with withholding() as withheld:
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        (asked,) = torch.autograd.grad((3 * moved).sum(), moved)
    assert withheld.times == 2
    assert moved.grad is not None
    assert not moved.grad.any()
    assert aside.grad is None
    assert not asked.any()
    assert torch.equal(moved.detach(), torch.ones(2, 2))
    (3 * moved).sum().backward()  # type: ignore[no-untyped-call]
    assert bool(moved.grad.all())
