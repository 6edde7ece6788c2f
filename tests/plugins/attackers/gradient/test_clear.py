"""CLeaR: its two losses are what they are said to be, and the fakes click what the attacked copy gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of
from torch import Tensor

from recbench.contracts import AttackerView, Budget, Params, RecbenchError, RelaxedProfiles, optimize
from recbench_plugins.attackers.gradient.clear import CLeaR, dispersion_loss, rank_loss
from recbench_plugins.attackers.objectives import Aim
from recbench_plugins.recommenders.bpr_mf import BPRMF
from recbench_plugins.recommenders.sasrec import SASRec

SMALL = CLeaR(surrogate="bpr-mf", dim=8, epochs=10, rounds=2, retraining=3, k=5)


def view(seed: int = 0, spend: Budget | None = None) -> AttackerView:
    def surrogate(name: str, **params: Any) -> BPRMF | SASRec:
        return BPRMF(**params, batch_size=128) if name == "bpr-mf" else SASRec(dim=4, length=5, epochs=1)

    return view_of(planted(), {"interactions", "surrogate"}, spend or budget(), seed, surrogate=surrogate)


def moved(attack: CLeaR) -> tuple[Params, Params, Aim]:
    """A trained surrogate's parameters before and after the attack's steps, and what is attacked."""
    seen = view()
    aim, context = Aim.of(seen, "log-rank"), seen.context("surrogate", 0)
    fakes = RelaxedProfiles.of(replace(attack, rounds=0).craft(seen), N_ITEMS)
    problem = BPRMF(dim=8, epochs=10, batch_size=128).problem(seen.observed, context, fakes)
    params = optimize(problem, context)
    return params, attack.attacked(seen, aim, problem, params, seed=0), aim


def test_profiles_hold_the_targets_and_exactly_as_many_items_as_they_may() -> None:
    spend = Budget(np.array([1, 2, 5, 9, 40]), N_ITEMS)
    for profiles in SMALL.play(replace(view(0, spend), targets=np.array([TARGET, 5], np.int32))):
        profiles.check(spend)
        assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
        held = [np.isin([TARGET, 5], profiles.histories[k]).sum() for k in range(5)]
        assert held == [1, 2, 2, 2, 2]


def test_the_last_round_is_the_attack_and_not_the_rows_of_users_that_it_starts_from() -> None:
    rounds = [profiles.items.tolist() for profiles in SMALL.play(view())]
    assert len(rounds) == 3
    assert rounds[0] != rounds[-1] == SMALL.craft(view()).items.tolist()


def test_without_attack_steps_the_parameters_stay() -> None:
    before, after, _ = moved(replace(SMALL, attack_steps=0))
    assert all(torch.equal(before[name], after[name]) for name in before)


def leading_share(params: Params) -> float:
    """How much of the rows' energy is along their leading direction."""
    squares = torch.linalg.svdvals(torch.cat([params["users"], params["items"]])) ** 2
    return float(squares[0] / squares.sum())


def test_dispersion_flattens_the_spectrum_of_the_rows_more_than_promotion_alone() -> None:
    before, dispersed, _ = moved(replace(SMALL, promotion=0.0, attack_steps=5))
    _, promoted, _ = moved(replace(SMALL, dispersion=0.0, attack_steps=5))
    assert leading_share(dispersed) < leading_share(before) - 0.03
    assert leading_share(dispersed) < leading_share(promoted) - 0.01


def test_promotion_raises_the_target_in_the_copy() -> None:
    before, promoted, aim = moved(replace(SMALL, dispersion=0.0, attack_steps=5))

    def margin(params: Params) -> float:
        scores = params["users"][:60] @ params["items"].T + params["bias"].T
        consumed = torch.tensor(planted().csr.toarray()) > 0
        return float(rank_loss(scores, consumed, aim.pairs, aim.targets, 5))

    assert margin(promoted) < margin(before) - 0.1


def test_the_rank_loss_is_the_mean_distance_to_the_end_of_the_list_of_what_a_user_does_not_have() -> None:
    scores = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0], [9.0, 9.0, 9.0, 9.0, 9.0]])
    consumed = torch.tensor([[1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0]]) > 0
    pairs, targets = torch.tensor([[True], [True], [True]]), torch.tensor([4])
    # The third user has two items left beside the target, which is no list of three.
    assert float(rank_loss(scores, consumed, pairs, targets, 3)) == pytest.approx(((2 - 1) + (2 - 5)) / 2)
    assert float(rank_loss(scores, consumed, pairs & (torch.arange(3) == 0)[:, None], targets, 1)) == 4 - 1


def _rows() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return (torch.randn(size, generator=rng, dtype=torch.float64) for size in ((50, 8), (8,)))  # type: ignore[return-value]


def test_the_dispersion_loss_is_the_part_along_the_leading_direction_whatever_the_length_of_the_rows() -> None:
    rows, start = _rows()
    aligned = torch.outer(torch.ones(50, dtype=torch.float64), start)
    assert float(dispersion_loss(aligned, start)) == pytest.approx(float((start / start.norm()).abs().mean()))
    assert float(dispersion_loss(7 * rows, start)) == pytest.approx(float(dispersion_loss(rows, start)))
    assert dispersion_loss(rows, start) < dispersion_loss(aligned, start)
    assert torch.autograd.gradcheck(lambda at: dispersion_loss(at, start), (rows.requires_grad_(),), atol=1e-6)


def test_one_seed_gives_one_attack_and_another_seed_another() -> None:
    first, again, other = (SMALL.craft(view(seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_a_surrogate_without_rows_is_refused() -> None:
    with pytest.raises(RecbenchError, match="'sasrec' has none; name another surrogate"):
        replace(SMALL, surrogate="sasrec").craft(view())


@pytest.mark.parametrize(
    ("change", "message"), [({"goal": "nuke"}, "cannot nuke"), ({"feedback": "explicit"}, "writes clicks, not ratings")]
)
def test_a_goal_or_a_track_that_is_not_its_own_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecbenchError, match=message):
        SMALL.craft(replace(view(), **change))
