"""The checks of attackers: each catches its mistake and no other, and the standard attackers pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from plugins_broken.attackers import ALSO, BROKEN

from recbench.component import Component
from recbench.conformance import Outcome, Subject, checks_of, perform
from recbench.conformance.arena import Task
from recbench.conformance.learning import watched
from recbench.plugins import load_plugins
from recbench.specs import expand

CHECKS = [each for each in checks_of("attacker") if each.function.__module__.endswith(".attackers")]
STANDARD = ["random", "popular", "copy", "gan-untrained"]
MISTAKES = [(name, component) for name, component in BROKEN.items()] + [
    (name, component) for name, more in ALSO.items() for component in more
]


def outcomes(component: Component) -> dict[str, Outcome]:
    return {each.name: perform(each, Subject(component)) for each in CHECKS}


def test_every_check_has_its_broken_attacker() -> None:
    assert set(BROKEN) == {each.name for each in CHECKS}


@pytest.mark.parametrize(("name", "component"), MISTAKES, ids=[component.name for _, component in MISTAKES])
def test_a_broken_attacker_fails_exactly_the_check_of_its_mistake(name: str, component: Component) -> None:
    failed = {check: outcome.reason for check, outcome in outcomes(component).items() if outcome.status == "failed"}
    assert set(failed) == {name}, failed


@pytest.mark.parametrize("name", STANDARD)
def test_a_standard_attacker_passes_every_check(name: str) -> None:
    ((component, _),) = expand(load_plugins(third_party=False), "attacker", name)
    found = outcomes(component)
    assert {name: outcome.reason for name, outcome in found.items() if outcome.status == "failed"} == {}
    assert "passed" in {outcome.status for outcome in found.values()}


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
