"""The fakes that detectors are tried on."""

from __future__ import annotations

import numpy as np
from plugins_broken.defenses import LikeTheMany

from recbench.component import Component
from recbench.conformance import Subject, checks_of, perform
from recbench.conformance.arena import Task
from recbench.evaluation.detection import roc_auc


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


def test_a_detector_is_held_to_the_attacks_that_it_says_it_is_made_for() -> None:
    name = "the fakes that it is made for are more suspicious than chance"
    (held,) = [each for each in checks_of("defense") if each.name == name]
    factory = f"{LikeTheMany.__module__}:{LikeTheMany.__name__}"
    verdicts = {}
    for kind in ("matched", "random", "popular"):
        component = Component("defense", "mine", factory, provides={"sanitizer"}, detects={kind})
        verdicts[kind] = perform(held, Subject(component))
    assert {kind: each.status for kind, each in verdicts.items()} == {
        "matched": "failed",
        "random": "failed",
        "popular": "passed",
    }
    # Of fakes that it is not made for it is told all the same how it does.
    assert "on matched fakes an AUC of 0." in verdicts["popular"].reason
    assert "chance is .50" in verdicts["random"].reason
