"""An attack is tried on the attacker's own copy, behind the deployed defense, and judged by where its targets end."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from contracts.planted import TARGET, appended, budget, planted, view_of

from recbench.contracts import (
    AttackerView,
    Differentiable,
    FitContext,
    Profiles,
    Protected,
    RecbenchError,
    Recommender,
    RobustTraining,
    RuleViolation,
    Sanitizer,
    Scorer,
    Verdict,
)
from recbench.data import Interactions
from recbench_plugins.attackers.adaptive.rehearsal import Rehearsal, injected

N_ITEMS = budget().n_items
FAKES = Profiles.from_pairs(np.repeat(np.arange(20), 3), np.tile([TARGET, 0, 1], 20), 20)


@dataclass(frozen=True, eq=False)
class Counted:
    scores: np.ndarray

    def score(self, users: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.scores, (len(users), len(self.scores)))


@dataclass(frozen=True)
class Counts(Differentiable):
    """Ranks by the number of clicks; `weight` of -1 by their lack. Equal counts are decided by the id."""

    weight: int = 1
    seeds: list[int] = field(default_factory=list)

    def problem(self, train: Interactions, ctx: FitContext, fakes: Any = None) -> Any:
        raise AssertionError("a rehearsal only fits")

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        assert ctx.validate is None
        self.seeds.append(ctx.seed)
        return Counted(self.weight * train.item_counts - 1e-3 * np.arange(train.n_items))


@dataclass(frozen=True)
class RemovesBuyers(Sanitizer):
    item: int

    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        holds = train.contains(np.arange(train.n_users), np.int64(self.item))
        return Verdict(holds.astype(float), ~holds)


@dataclass(frozen=True)
class TurnsAround(RobustTraining):
    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        assert isinstance(recommender, Counts)
        return Protected(replace(recommender, weight=-1).fit(train, ctx))


def view(defense: Any = None, **changed: Any) -> AttackerView:
    return replace(view_of(planted(), {"interactions", "defense"}, budget(), defense=defense), **changed)


def height(counts: np.ndarray) -> float:
    """Minus the mean of log2 of the target's rank over those who lack it, by hand."""
    genuine = planted()
    logs = []
    for user in range(genuine.n_users):
        seen = set(genuine.histories[user].tolist())
        if TARGET not in seen:
            scores = counts - 1e-3 * np.arange(len(counts))
            ahead = [item for item in range(len(counts)) if item not in seen and scores[item] > scores[TARGET]]
            logs.append(np.log2(1 + len(ahead)))
    return -float(np.mean(logs))


def test_the_success_is_the_mean_logarithm_of_the_ranks_by_hand() -> None:
    undefended = Rehearsal(view(), Counts(), 1)
    counts = planted().item_counts
    assert undefended.success(Profiles.empty()) == pytest.approx(height(counts))
    assert undefended.success(FAKES) == pytest.approx(height(appended(planted(), FAKES).item_counts))
    assert undefended.success(FAKES) > undefended.success(Profiles.empty()) + 0.1


def test_to_nuke_is_to_bring_down() -> None:
    up, down = (Rehearsal(view(goal=goal), Counts(), 1).success(FAKES) for goal in ("push", "nuke"))
    assert down == -up


def test_what_a_detector_removes_has_no_effect() -> None:
    behind = Rehearsal(view(RemovesBuyers(TARGET)), Counts(), 1)
    kept = planted().select(~planted().contains(np.arange(60), np.int64(TARGET))[planted().users])
    assert behind.success(FAKES) == pytest.approx(height(kept.item_counts))
    assert behind.success(FAKES) == behind.success(Profiles.empty())


def test_robust_training_takes_the_place_of_the_surrogates_own() -> None:
    assert Rehearsal(view(TurnsAround()), Counts(), 1).success(FAKES) == pytest.approx(
        height(-appended(planted(), FAKES).item_counts)
    )


def test_every_trial_is_judged_by_the_same_seeds_each_of_its_own() -> None:
    surrogate = Counts()
    rehearsal = Rehearsal(view(), surrogate, 3)
    rehearsal.success(FAKES)
    rehearsal.success(Profiles.empty())
    assert surrogate.seeds[:3] == surrogate.seeds[3:]
    assert len(set(surrogate.seeds)) == 3


def test_a_verdict_on_everybody_is_the_defenses_violation() -> None:
    @dataclass(frozen=True)
    class RemovesAll(Sanitizer):
        def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
            return Verdict(np.ones(train.n_users), np.zeros(train.n_users, np.bool_))

    with pytest.raises(RuleViolation, match="removes every user"):
        Rehearsal(view(RemovesAll()), Counts(), 1).success(FAKES)


def test_an_attack_that_only_degrades_is_refused() -> None:
    with pytest.raises(RecbenchError, match="the goals are push and nuke, not degrade"):
        Rehearsal(view(goal="degrade"), Counts(), 1)


def test_the_copy_holds_everybody_and_tells_nobody_by_an_id_who_is_fake() -> None:
    genuine, places = planted(), []
    for seed in range(10):
        data, ids = injected(genuine, FAKES, seed)
        assert [data.histories[ids[user]].tolist() for user in range(60)] == [
            list(genuine.histories[u]) for u in range(60)
        ]
        assert [data.histories[fake].tolist() for fake in ids[60:]] == [[TARGET, 0, 1]] * 20
        assert data.timestamps is None
        places.append(ids[60:])
    assert np.mean(places) == pytest.approx(79 / 2, abs=5)  # of ids 0 to 79
