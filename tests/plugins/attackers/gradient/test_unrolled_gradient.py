"""The unrolled gradient attack: exact budgets, and profiles that work on surrogates it never saw."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from recbench.contracts import (
    AttackerView,
    Budget,
    Differentiable,
    FitContext,
    Goal,
    KnowledgeViolation,
    Profiles,
    RecbenchError,
    RelaxedProfiles,
    derive_seed,
    unroll,
)
from recbench.data.interactions import Interactions
from recbench.plugins import load_plugins
from recbench.specs import build, expand
from recbench_plugins.attackers.gradient.unrolled_gradient import UnrolledGradient, genuine_rows
from recbench_plugins.attackers.objectives import Aim
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

N_USERS, N_ITEMS, TARGET = 150, 60, 0


def _taste() -> Interactions:
    """Users like the items whose product of Gaussian factors is high, some six each."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((N_USERS, 5)) @ rng.standard_normal((N_ITEMS, 5)).T
    return Interactions(*np.nonzero(scores > 2.5), N_USERS, N_ITEMS)


DATA = _taste()
SIZES = np.full(12, 6)
ATTACK = UnrolledGradient(
    surrogate="wmf-sgd",
    dim=6,
    epochs=20,
    unrolled_epochs=None,
    steps=6,
    lr=1.0,
    momentum=0.9,
    objective="log-rank",
    latent=True,
    rotate=True,
    held_out=1,
)


def _surrogate(name: str, **params: Any) -> Differentiable:
    if name == "bpr-mf":
        return BPRMF(**{"lr": 0.3, "l2": 0.01, "batch_size": 2048, **params})
    return WMFSGD(**{"alpha": 5.0, "lr": 0.1, "l2": 15.0, "scale": 0.1, "batch_users": 2048, **params})


def _view(
    sizes: Iterable[int] = SIZES,
    targets: Iterable[int] = (TARGET,),
    goal: Goal = "push",
    seed: int = 0,
    knowledge: Iterable[str] = ("interactions", "surrogate"),
) -> AttackerView:
    """A view that offers everything and shows what is declared."""
    others = dict.fromkeys(("statistics", "queries", "victim", "defense"), "forbidden")
    return AttackerView(
        targets=np.array(targets, dtype=np.int32),
        budget=Budget(np.array(sizes), N_ITEMS),
        goal=goal,
        feedback="implicit",
        n_items=N_ITEMS,
        seed=seed,
        knowledge=frozenset(knowledge),  # type: ignore[arg-type]
        secrets={**others, "interactions": DATA, "surrogate": _surrogate},
    )


def _loss(attack: UnrolledGradient, view: AttackerView, profiles: Profiles) -> float:
    """The attack's own loss on surrogates from seeds that it does not know."""
    aim, losses = Aim.of(view, attack.objective), []
    for k in range(3):
        surrogate = _surrogate(attack.surrogate, dim=attack.dim, epochs=attack.epochs)
        problem = surrogate.problem(DATA, FitContext(0), RelaxedProfiles.of(profiles, N_ITEMS))
        with torch.no_grad():
            losses.append(float(aim.loss(problem, problem.encode(unroll(problem, derive_seed(k, "fresh"), last=0)))))
    return float(np.mean(losses))


def _random(view: AttackerView) -> Profiles:
    """The targets and random fillers."""
    rng, targets = np.random.default_rng(view.seed), view.targets
    others = np.setdiff1d(np.arange(N_ITEMS), targets)
    fills = [rng.choice(others, size - len(targets), replace=False) for size in view.budget.sizes]
    rows = np.repeat(np.arange(len(fills)), view.budget.sizes)
    return Profiles.from_pairs(rows, np.concatenate([[*targets, *fill] for fill in fills]), len(fills))


def _rows(profiles: Profiles) -> list[list[int]]:
    return [sorted(profiles.histories[k].tolist()) for k in range(len(profiles))]


def test_a_start_of_noise_alone_knows_nothing_of_genuine_rows_and_the_descent_beats_it() -> None:
    view, noisy = _view(seed=2), replace(ATTACK, noise=1.0)
    start = replace(noisy, steps=0).craft(view)
    assert _rows(start) != _rows(replace(ATTACK, steps=0).craft(view))
    others = _view(seed=2)
    others.secrets["interactions"] = DATA.select(np.arange(len(DATA)) % 2 == 0)  # type: ignore[index]
    assert _rows(start) == _rows(replace(noisy, steps=0).craft(others))
    assert _loss(noisy, view, noisy.craft(view)) < _loss(noisy, view, start) - 0.02


@pytest.mark.parametrize("surrogate", ["wmf-sgd", "bpr-mf"])
@pytest.mark.parametrize("latent", [True, False], ids=["latent", "projected"])
def test_every_profile_spends_its_budget_exactly_and_holds_the_targets(latent: bool, surrogate: str) -> None:
    view = _view(sizes=[3, 8, 20, N_ITEMS], targets=[TARGET, 3])
    profiles = replace(ATTACK, surrogate=surrogate, steps=2, latent=latent).craft(view)
    profiles.check(view.budget)
    assert profiles.histories.lengths.tolist() == [3, 8, 20, N_ITEMS]
    assert all({TARGET, 3} <= set(row) for row in _rows(profiles))


def test_a_budget_below_the_number_of_targets_is_spent_on_targets_alone() -> None:
    view = _view(sizes=[1, 2, 2, 8], targets=[TARGET, 3, 14])
    profiles = replace(ATTACK, steps=2).craft(view)
    profiles.check(view.budget)
    *short, long = _rows(profiles)
    assert [len(row) for row in short] == [1, 2, 2]
    assert all(set(row) <= {TARGET, 3, 14} for row in short)
    assert set(long) > {TARGET, 3, 14}


def test_a_nuke_holds_no_target() -> None:
    view = _view(targets=[TARGET, 3], goal="nuke")
    profiles = replace(ATTACK, steps=2).craft(view)
    profiles.check(view.budget)
    assert (profiles.histories.lengths == SIZES).all()
    assert not np.isin(profiles.items, [TARGET, 3]).any()


def test_the_seed_decides_the_profiles() -> None:
    attack = replace(ATTACK, steps=1)
    first, again, other = (attack.craft(_view(seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.items, again.items)
    assert _rows(first) != _rows(other)


def test_it_touches_what_its_component_declares_and_needs_all_of_it() -> None:
    ((component, params),) = expand(load_plugins(), "attacker", "unrolled-gradient[dim=4,epochs=3,steps=1]")
    attack = build(component, params)
    assert len(attack.craft(_view(knowledge=component.knowledge))) == len(SIZES)
    for kind in component.knowledge:
        with pytest.raises(KnowledgeViolation, match=f"touched '{kind}'"):
            attack.craft(_view(knowledge=component.knowledge - {kind}))


@pytest.mark.parametrize(
    ("attack", "margin"),
    [
        (ATTACK, 0.2),
        (replace(ATTACK, objective="cross-entropy"), 0.04),
        (replace(ATTACK, latent=False), 0.2),
        (replace(ATTACK, unrolled_epochs=10), 0.2),
        (replace(ATTACK, rotate=False, held_out=0), 0.2),
        (replace(ATTACK, gradient="implicit"), 0.2),
        (replace(ATTACK, optimizer="ascent"), 0.1),
        (replace(ATTACK, optimizer="adam", lr=0.3), 0.1),
        (replace(ATTACK, optimizer="l-bfgs"), 0.1),
        (replace(ATTACK, candidates=30), 0.1),
    ],
    ids=[
        "log-rank",
        "cross-entropy",
        "projected",
        "last epochs",
        "one seed",
        "implicit",
        "ascent",
        "adam",
        "l-bfgs",
        "candidates",
    ],
)
def test_on_fresh_surrogates_descent_beats_its_start_and_random_profiles(
    attack: UnrolledGradient, margin: float
) -> None:
    view = _view(seed=1)
    start = _loss(attack, view, replace(attack, steps=0).craft(view))
    assert _loss(attack, view, attack.craft(view)) < min(start, _loss(attack, view, _random(view))) - margin


def test_an_ensemble_follows_the_mean_gradient_of_surrogates_from_different_seeds() -> None:
    """One seed of several that are the same one would give the profiles of that one."""
    one, two = (replace(ATTACK, steps=2, held_out=0, surrogates=count) for count in (1, 2))
    first, second = (list(attack.descend(_view(seed=1))) for attack in (one, two))
    assert _rows(first[0].profiles) == _rows(second[0].profiles)
    assert first[0].loss != second[0].loss
    assert _rows(first[-1].profiles) != _rows(second[-1].profiles)


def test_epochs_to_unroll_are_refused_where_the_gradient_is_implicit() -> None:
    for asked in ({"unrolled_epochs": 5}, {"checkpoint": True}):
        with pytest.raises(RecbenchError, match="leave unrolled_epochs and checkpoint out"):
            replace(ATTACK, gradient="implicit", **asked)


@pytest.mark.parametrize("surrogate", ["wmf-sgd", "bpr-mf"])
def test_checkpoints_change_nothing_but_the_memory(surrogate: str) -> None:
    attack = replace(ATTACK, surrogate=surrogate, steps=2)
    plain, kept = (list(each.descend(_view())) for each in (attack, replace(attack, checkpoint=True)))
    assert [_rows(each.profiles) for each in kept] == [_rows(each.profiles) for each in plain]
    assert [each.loss for each in kept] == [each.loss for each in plain]


def test_with_candidates_no_other_filler_is_held_and_with_all_items_nothing_changes() -> None:
    attack, view = replace(ATTACK, steps=2, held_out=0), _view(targets=[TARGET, 3])
    popular = np.argsort(-DATA.item_counts, kind="stable")
    allowed = {TARGET, 3, *[item for item in popular if item not in (TARGET, 3)][:9]}
    profiles = replace(attack, candidates=9).craft(view)
    profiles.check(view.budget)
    assert (profiles.histories.lengths == SIZES).all()
    assert {TARGET, 3} < set(profiles.items.tolist()) <= allowed
    # A profile needs as many items as it holds.
    few = replace(attack, candidates=1).craft(view)
    assert (few.histories.lengths == SIZES).all()
    whole, every = (replace(attack, candidates=count).craft(view) for count in (None, N_ITEMS))
    assert np.array_equal(whole.items, every.items)


def test_a_nuke_with_candidates_holds_no_target() -> None:
    view = _view(targets=[TARGET, 3], goal="nuke")
    profiles = replace(ATTACK, steps=1, candidates=10).craft(view)
    assert (profiles.histories.lengths == SIZES).all()
    assert not np.isin(profiles.items, [TARGET, 3]).any()


def test_a_nuke_lowers_the_target_on_fresh_surrogates() -> None:
    view = _view(goal="nuke")
    start = _loss(ATTACK, view, replace(ATTACK, steps=0).craft(view))
    assert _loss(ATTACK, view, ATTACK.craft(view)) < start - 0.02


def test_the_start_is_rows_of_genuine_users_that_are_long_enough() -> None:
    sizes = np.array([3, 5, 8, 8])
    rows = genuine_rows(DATA, sizes, seed=0, device="cpu").numpy()
    genuine = DATA.csr.toarray()
    assert all((genuine == row).all(1).any() for row in rows)
    assert (rows.sum(1) >= sizes).all()
