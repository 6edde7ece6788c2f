"""Gradient ascent through alternating least squares: exact budgets, both tracks, both goals."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recbench.contracts import (
    AttackerView,
    Budget,
    Goal,
    ItemStatistics,
    Profiles,
    RatingScale,
    RecbenchError,
    numpy_rng,
)
from recbench.data import Interactions
from recbench_plugins.attackers.gradient.als import ALS, Fakes
from recbench_plugins.attackers.gradient.pga import PGA, attack_loss
from recbench_plugins.attackers.objectives import Aim, at_once

N_USERS, N_ITEMS, TARGET = 150, 60, 0
SCALE = RatingScale(1, 5, 1)
SMALL = PGA(dim=6, click_l2=3.0, rating_l2=2.0, start_sweeps=6, steps=12, lr=0.3)
SERVED: list[tuple[bool, Goal]] = [(False, "push"), (True, "push"), (True, "nuke")]
"""Whether there are ratings, and the goal."""


def taste(explicit: bool) -> Interactions:
    """Tastes of rank 5: items whose product of Gaussian factors is high are clicked, any item is rated by it."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((N_USERS, 5)) @ rng.standard_normal((N_ITEMS, 5)).T
    held = rng.random(scores.shape) < 0.15 if explicit else scores > 2.5
    users, items = np.nonzero(held)
    ratings = SCALE.round(3 + 0.8 * scores[held]) if explicit else None
    return Interactions(users.astype(np.int32), items.astype(np.int32), N_USERS, N_ITEMS, ratings)


def view(
    explicit: bool = False, goal: Goal = "push", seed: int = 0, sizes: tuple[int, ...] = (6,) * 12
) -> AttackerView:
    train = taste(explicit)
    return AttackerView(
        targets=np.array([TARGET], np.int32),
        budget=Budget(np.array(sizes), N_ITEMS, SCALE if explicit else None),
        goal=goal,
        feedback="explicit" if explicit else "implicit",
        n_items=N_ITEMS,
        seed=seed,
        knowledge=frozenset({"interactions"}),
        secrets={"interactions": train, "statistics": ItemStatistics.of(train)},
    )


def by_lot(seen: AttackerView) -> Profiles:
    """The target and random fillers, at random ratings on the explicit track."""
    lots = numpy_rng(seen.seed, "lots").random((seen.budget.n_profiles, N_ITEMS))
    lots[:, TARGET] = 1
    held = np.argsort(np.argsort(-lots, axis=1), axis=1) < seen.budget.sizes[:, None]
    if seen.budget.scale is None:
        return Profiles.from_dense(held)
    ratings = numpy_rng(seen.seed, "stars").integers(1, 6, held.shape).astype(float)
    ratings[:, TARGET] = 1 if seen.goal == "nuke" else 5
    return Profiles.from_dense(held, ratings)


def loss(seen: AttackerView, profiles: Profiles, fits: int = 3) -> float:
    """The attack's loss on surrogates from seeds that no gradient came from."""
    aim, train = Aim.of(seen, "log-rank"), seen.observed
    if train.ratings is None:
        als = ALS.of_clicks(train, SMALL.alpha, SMALL.click_l2, "cpu")
    else:
        als = ALS.of_ratings(train, float(train.ratings.mean()), SMALL.rating_l2, "cpu")
    held, pulls = torch.zeros(len(profiles), N_ITEMS), torch.zeros(len(profiles), N_ITEMS)
    at = (torch.tensor(profiles.histories.rows), torch.tensor(profiles.items, dtype=torch.int64))
    held[at] = 1.0
    if profiles.ratings is None:
        pulls[at] = SMALL.alpha
    else:
        assert train.ratings is not None
        pulls[at] = torch.tensor(profiles.ratings - train.ratings.mean())
    found = []
    for seed in range(1000, 1000 + fits):
        users, _, items = als.trained(als.start(SMALL.dim, seed), Fakes(held, pulls), 20)
        found.append(attack_loss(aim, users, items)[0])
    return float(np.mean(found))


@pytest.mark.parametrize(("explicit", "goal"), SERVED)
def test_profiles_hold_exactly_the_budget_and_the_target(explicit: bool, goal: Goal) -> None:
    seen = view(explicit, goal, sizes=(1, 2, 5, 9, 30))
    for step in SMALL.ascend(seen):
        step.profiles.check(seen.budget)
        assert step.profiles.histories.lengths.tolist() == [1, 2, 5, 9, 30]
        assert all(TARGET in step.profiles.histories[k] for k in range(5))
        if explicit:
            assert step.profiles.ratings is not None
            assert set(step.profiles.ratings[step.profiles.items == TARGET]) == {5.0 if goal == "push" else 1.0}


@pytest.mark.parametrize(("explicit", "goal"), SERVED)
def test_ascent_beats_its_start_and_random_profiles_on_fresh_surrogates(explicit: bool, goal: Goal) -> None:
    own, start, control = [], [], []
    for seed in range(3):
        seen = view(explicit, goal, seed)
        own.append(loss(seen, SMALL.craft(seen)))
        start.append(loss(seen, replace(SMALL, steps=0).craft(seen)))
        control.append(loss(seen, by_lot(seen)))
    assert np.mean(own) < min(np.mean(start), np.mean(control)) - 0.03


def test_clicks_are_not_asked_to_nuke() -> None:
    with pytest.raises(RecbenchError, match="low ratings, which clicks are not"):
        SMALL.craft(view(explicit=False, goal="nuke"))


@pytest.mark.parametrize("explicit", [False, True], ids=["implicit", "explicit"])
def test_following_the_fakes_own_factors_attacks_better_than_the_papers_gradient(explicit: bool) -> None:
    gains = []
    for seed in range(3):
        seen = view(explicit, seed=seed)
        gains.append(loss(seen, replace(SMALL, half_steps=1).craft(seen)) - loss(seen, SMALL.craft(seen)))
    assert np.mean(gains) > 0.1


def test_the_attacks_loss_is_that_of_the_aim_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = view()
    aim = Aim.of(seen, "log-rank")
    rng = torch.Generator().manual_seed(0)
    users, items = torch.randn(N_USERS, 4, generator=rng), torch.randn(N_ITEMS, 4, generator=rng)
    whole, gradient = attack_loss(aim, users, items)
    assert len(users) < at_once(N_ITEMS)
    monkeypatch.setattr("recbench_plugins.attackers.gradient.pga.at_once", lambda n_items: 7)
    parts, same = attack_loss(aim, users, items)
    assert parts == pytest.approx(whole, abs=1e-5)
    torch.testing.assert_close(gradient, same)
    assert gradient.norm() > 1e-3
    torch.testing.assert_close(attack_loss(replace(aim, sign=-aim.sign), users, items)[1], -gradient)


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    first, again, other = (SMALL.craft(view(seed=seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_a_goal_without_targets_is_refused() -> None:
    with pytest.raises(RecbenchError, match="not degrade"):
        SMALL.craft(view(goal="degrade"))
