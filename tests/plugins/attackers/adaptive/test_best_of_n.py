"""The poison that does most under the deployed defense."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from contracts.planted import SCALE, budget, planted, view_of

from recbench.contracts import (
    AttackerView,
    FitContext,
    ItemStatistics,
    KnowledgeViolation,
    Profiles,
    RecbenchError,
    Sanitizer,
    Verdict,
)
from recbench.data import Interactions
from recbench_plugins.attackers.adaptive.best_of_n import COPIED, USED, BestOfN, first
from recbench_plugins.attackers.adaptive.rehearsal import Rehearsal, injected
from recbench_plugins.attackers.heuristic.popular import Popular
from recbench_plugins.recommenders.biased_mf import BiasedMF
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

ROUND = len(COPIED) * len(USED)
SURROGATES = {"wmf-sgd": WMFSGD(dim=4, epochs=15), "biased-mf": BiasedMF(dim=4, epochs=15)}


@dataclass(frozen=True)
class RemovesLovers(Sanitizer):
    """Removes whoever holds more than half of the ten most popular items."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        best = np.argsort(-train.item_counts, kind="stable")[:10]
        held = train.contains(np.arange(train.n_users)[:, None], best).sum(axis=1)
        return Verdict(held.astype(float), held <= 5)


@dataclass(frozen=True)
class MindsCrowds(Sanitizer):
    """Removes whoever resembles four others."""

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        shared = (train.csr @ train.csr.T).toarray()
        alike = (shared >= 0.99 * train.user_counts[:, None]).sum(axis=1)
        return Verdict(alike.astype(float), alike < 5)


def view(defense: Any = None, explicit: bool = False, **changed: Any) -> AttackerView:
    train = planted(explicit=explicit)
    knowledge = {"interactions", "statistics", "surrogate", "defense"}
    secrets = {"statistics": ItemStatistics.of(train), "surrogate": lambda name, **params: SURROGATES[name]}
    spend = budget(size=12, explicit=explicit)
    return replace(view_of(train, knowledge, spend, defense=defense, **secrets), **changed)


def same(one: Profiles, other: Profiles) -> bool:
    return np.array_equal(one.indptr, other.indptr) and np.array_equal(one.items, other.items)


def held(profiles: Profiles) -> np.ndarray:
    """Which of the profiles `RemovesLovers` keeps."""
    data, ids = injected(planted(), profiles, 0)
    return RemovesLovers().inspect(data, FitContext(0)).keep[ids[planted().n_users :]]


def test_the_first_trial_is_the_base_attack() -> None:
    assert same(BestOfN(trials=1).craft(view()), Popular().craft(view()))


@pytest.mark.parametrize("defense", [None, RemovesLovers()])
def test_of_all_trials_the_one_that_does_most_is_sent(defense: Sanitizer | None) -> None:
    attack, seen = BestOfN(trials=ROUND), view(defense)
    rehearsal = Rehearsal(seen, SURROGATES["wmf-sgd"], 1)
    successes = [rehearsal.success(each) for each in itertools.islice(attack.poisons(seen), ROUND)]
    assert rehearsal.success(attack.craft(seen)) == max(successes)
    assert len(set(successes)) > ROUND / 2


def test_what_a_detector_catches_is_not_sent() -> None:
    """The base attack, which without the detector does most, is removed altogether."""
    plain = Popular().craft(view())
    assert same(BestOfN().craft(view()), plain)
    seen = view(RemovesLovers())
    sent = BestOfN().craft(seen)
    assert not held(plain).any()
    assert held(sent).mean() > 0.5
    rehearsal = Rehearsal(seen, SURROGATES["wmf-sgd"], 1)
    assert rehearsal.success(sent) > rehearsal.success(plain) + 0.2


def test_fewer_fakes_are_sent_where_many_are_a_crowd() -> None:
    assert len(BestOfN(trials=ROUND).craft(view(MindsCrowds()))) == 3
    assert len(BestOfN(trials=ROUND).craft(view())) == 6


def test_a_second_round_has_other_lots() -> None:
    found = list(itertools.islice(BestOfN(base="bandwagon").poisons(view()), 2 * ROUND))
    for one, other in zip(found[:ROUND], found[ROUND:], strict=True):
        one.check(view().budget)
        assert len(one) == len(other)
        assert not same(one, other)


def test_on_ratings_the_surrogate_predicts_ratings_and_the_scale_is_kept() -> None:
    profiles = BestOfN(trials=3).craft(view(explicit=True))
    profiles.check(view(explicit=True).budget)
    assert profiles.ratings is not None
    assert SCALE.holds(profiles.ratings).all()
    nuked = BestOfN(trials=3).craft(view(explicit=True, goal="nuke"))
    assert nuked.ratings is not None
    assert set(nuked.ratings[np.isin(nuked.items, view().targets)]) == {1.0}


def test_it_does_without_nothing_that_it_declares() -> None:
    with pytest.raises(KnowledgeViolation, match="it touched 'defense'"):
        BestOfN(trials=1).craft(view(knowledge=frozenset({"interactions", "surrogate"})))


def test_it_refuses_what_its_base_cannot_do() -> None:
    with pytest.raises(RecbenchError, match="nuke is not defined"):
        BestOfN().craft(view(goal="nuke"))


def test_the_first_profiles_come_with_their_ratings() -> None:
    profiles = Profiles(np.array([0, 2, 3]), np.array([4, 5, 6]), np.array([1.0, 2.0, 3.0]))
    cut = first(profiles, 1)
    assert cut.ratings is not None
    assert (cut.indptr.tolist(), cut.items.tolist(), cut.ratings.tolist()) == ([0, 2], [4, 5], [1.0, 2.0])
