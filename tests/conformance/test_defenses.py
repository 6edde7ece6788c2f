"""The checks of defenses: each catches its mistake and no other, and the standard defenses pass."""

from __future__ import annotations

import numpy as np
import pytest
from plugins_broken.defenses import BROKEN

from recbench.component import Component
from recbench.conformance import Subject, checks_of, perform
from recbench.conformance.arena import Task
from recbench.evaluation.detection import roc_auc
from recbench.plugins import load_plugins
from recbench.specs import expand

CHECKS = [each for each in checks_of("defense") if each.function.__module__.endswith(".defenses")]


def failures(component: Component) -> dict[str, str]:
    found = {each.name: perform(each, Subject(component)) for each in CHECKS}
    assert "passed" in {outcome.status for outcome in found.values()}
    return {name: outcome.reason for name, outcome in found.items() if outcome.status == "failed"}


def test_every_check_has_its_broken_defense() -> None:
    assert set(BROKEN) == {each.name for each in CHECKS}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_defense_fails_exactly_the_check_of_its_mistake(name: str) -> None:
    failed = failures(BROKEN[name])
    assert set(failed) == {name}, failed


@pytest.mark.parametrize("name", ["pca-varselect", "adversarial-training"])
def test_a_standard_defense_passes_every_check(name: str) -> None:
    ((component, _),) = expand(load_plugins(third_party=False), "defense", name)
    assert failures(component) == {}


def test_neither_length_nor_popularity_tells_matched_fakes_from_genuine_users() -> None:
    aucs = []
    for unit in range(30):
        task = Task.plant(unit)
        poisoned = task.inject(task.matched_fakes(rated=False), "implicit")
        data, fake = poisoned.data, np.zeros(poisoned.data.n_users, dtype=np.bool_)
        fake[poisoned.public_id[poisoned.n_genuine :]] = True
        # The target aside: that most fakes hold one item which hardly anyone has is the attack itself.
        others = data.select(data.items != task.cold[0])
        popularity = np.bincount(others.users, task.train.item_counts[others.items], data.n_users)
        mean = popularity / np.maximum(others.user_counts, 1)
        aucs.append((roc_auc(data.user_counts.astype(float), fake), roc_auc(mean, fake)))
    assert np.abs(np.mean(aucs, axis=0) - 0.5).max() < 0.1
