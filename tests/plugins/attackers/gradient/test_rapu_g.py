"""RAPU-G: what is corrupted loses its weight, the gradient is exact, and descent is an attack within its budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of
from torch import Tensor

from recbench.contracts import AttackerView, Budget, Profiles, RecbenchError, RelaxedProfiles, numpy_rng
from recbench.data import Interactions
from recbench.evaluation.detection import roc_auc
from recbench_plugins.attackers.gradient.rapu_g import RAPUG, trusted
from recbench_plugins.attackers.objectives import Aim, log_rank

SMALL = RAPUG(dim=6, l2=3.0, epochs=25, unrolled=25, steps=8, k=10)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    return view_of(planted(), {"interactions"}, spend or budget(), seed)


def clicks() -> Tensor:
    return torch.tensor(planted().csr.toarray(), dtype=torch.float32)


def _normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_profiles_hold_the_target_and_exactly_as_many_items_as_they_may() -> None:
    spend = Budget(np.array([1, 2, 5, 9, 40]), N_ITEMS)
    for step in replace(SMALL, steps=2).descend(view(0, spend)):
        step.profiles.check(spend)
        assert step.profiles.histories.lengths.tolist() == spend.sizes.tolist()
        assert all(TARGET in step.profiles.histories[k] for k in range(5))


def test_users_whose_cells_were_flipped_are_trusted_less() -> None:
    """A fifth of the cells of a fifth of the users; the surrogate is trained on all of them."""
    feedback, rng = clicks(), numpy_rng(0, "flipped")
    flipped = rng.permutation(len(feedback)) < len(feedback) // 5
    cells = torch.tensor(flipped[:, None] & (rng.random(feedback.shape) < 0.2))
    feedback = torch.where(cells, 1 - feedback, feedback)
    with torch.no_grad():
        users, items = SMALL.trained(feedback, torch.zeros(0, N_ITEMS), seed=0)
    trust = trusted(feedback, users @ items.T).mean(1)
    assert roc_auc(-trust.double().numpy(), flipped) > 0.8


def test_cells_that_the_surrogate_predicts_are_all_trusted() -> None:
    assert trusted(clicks(), torch.where(clicks() > 0, 0.9, 0.05)).all()


@pytest.mark.usefixtures("double_precision")
def test_the_gradient_through_the_last_epochs_is_that_of_finite_differences() -> None:
    """With a confidence of 1 nothing but the pull depends on a cell, and trust does not change in so small a step."""
    attack, genuine = replace(SMALL, alpha=1.0, epochs=3, trusting=2), clicks().double()
    towards, direction = _normal(len(genuine), N_ITEMS), _normal(2, N_ITEMS)

    def moved(fakes: Tensor) -> Tensor:
        users, items = attack.trained(genuine, fakes, seed=1)
        return ((users @ items.T) * towards).sum()

    fakes = _normal(2, N_ITEMS).requires_grad_()
    (gradient,) = torch.autograd.grad(moved(fakes), fakes)
    with torch.no_grad():
        slope = (moved(fakes + 1e-5 * direction) - moved(fakes - 1e-5 * direction)) / 2e-5
    assert abs(slope) > 1e-4
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-5)


def test_the_loss_is_the_mean_over_pairs_and_the_best_other_items() -> None:
    seen = view()
    aim, rng = Aim.of(seen, "log-rank"), torch.Generator().manual_seed(0)
    users, items = torch.randn(60, 3, generator=rng), torch.randn(N_ITEMS, 3, generator=rng)
    expected = []
    for user in np.flatnonzero(aim.pairs[:, 0].numpy()):
        scores = (users[user] @ items.T).numpy()
        best = np.sort(np.delete(scores, TARGET))[::-1][:10]
        expected.append((1 / (1 + np.exp(-(best - scores[TARGET]) / 0.1))).mean())
    assert float(SMALL.loss(aim, users, items)) == pytest.approx(np.mean(expected), rel=1e-4)


def test_descent_moves_the_target_up_on_surrogates_of_other_seeds() -> None:
    """Users like the items whose product of Gaussian factors is high."""
    attack = replace(SMALL, l2=15.0, lr=0.1, epochs=20, unrolled=20, k=20)
    rng = np.random.default_rng(0)
    liked = rng.standard_normal((150, 5)) @ rng.standard_normal((60, 5)).T > 2.5
    train, genuine = Interactions(*np.nonzero(liked), 150, 60), torch.tensor(liked, dtype=torch.float32)
    seen = replace(view_of(train, {"interactions"}, Budget(np.full(12, 6), 60)), targets=np.array([0]), n_items=60)
    pairs = torch.tensor(~liked[:, :1])
    start, *_, end = (step.profiles for step in attack.descend(seen))

    def rank(profiles: Profiles) -> float:
        """Its logarithm, a mean over three surrogates."""
        held, found = RelaxedProfiles.of(profiles, 60).matrix(), []
        for seed in range(1000, 1003):
            users, items = attack.trained(genuine, held, seed)
            ranks = log_rank(users @ items.T, torch.tensor([0]))
            found.append(float(ranks[pairs].mean()))
        return float(np.mean(found))

    assert rank(end) < rank(start) - 0.2


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    first, again, other = (replace(SMALL, steps=2).craft(view(seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_ratings_and_other_goals_are_refused() -> None:
    with pytest.raises(RecbenchError, match="writes clicks, not ratings"):
        SMALL.craft(replace(view(), feedback="explicit"))
    with pytest.raises(RecbenchError, match="cannot nuke"):
        SMALL.craft(replace(view(), goal="nuke"))
