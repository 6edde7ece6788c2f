"""The critic of outputs: gradients that are right, wishes that move targets alone, and a generator that learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.planted import N_ITEMS, TARGET, budget, planted, view_of
from torch import Tensor, nn

from recbench.contracts import AttackerView, Budget, Goal, RecbenchError, RelaxedProfiles
from recbench.data.interactions import Interactions
from recbench_plugins.attackers.gan.losses import gradient_penalty
from recbench_plugins.attackers.gan.networks import ProfileGenerator
from recbench_plugins.attackers.gan.output_gan import OutputCritic, OutputGAN
from recbench_plugins.attackers.gan.output_model import OutputModel
from recbench_plugins.attackers.gradient.als import Fakes

SMALL = OutputGAN(noise=8, hidden=16, imitation_steps=2, steps=4, batch=32, items=20, dim=4, l2=5.0, judge_every=4)


def view(seed: int = 0, spend: Budget | None = None, goal: Goal = "push") -> AttackerView:
    seen = view_of(planted(), {"interactions"}, spend or budget(), seed)
    return replace(seen, goal=goal)


def model_of(seen: AttackerView, items: int = 20) -> OutputModel:
    return OutputModel(seen, dim=4, alpha=5.0, l2=5.0, sweeps=8, count=items)


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


def test_the_gradient_of_the_outputs_is_that_of_the_two_least_squares_solutions() -> None:
    """Central differences in what an entry pulls towards, in double precision; every entry, held or not."""
    model = model_of(view(), items=6)
    model.users, model.items, model.mean, model.deviation, model.als = (
        model.users.double(),
        model.items.double(),
        model.mean.double(),
        model.deviation.double(),
        replace(model.als, pulls=model.als.pulls.double()),
    )
    rows = torch.zeros(2, N_ITEMS, dtype=torch.float64)
    rows[0, [1, 2, 3, TARGET]] = rows[1, [11, 12, TARGET]] = 1

    def outputs(pulls: Tensor) -> Tensor:
        """What `outputs` computes, with entries that pull as strongly as told."""
        fakes = Fakes(rows, model.alpha * pulls)
        items = model.als.items(model.users, fakes, model.als.fakes(model.items, fakes))
        return ((model.users @ items[model.columns].T - model.mean) / model.deviation).flatten()

    weights = torch.randn(len(model.users) * len(model.columns), generator=torch.Generator().manual_seed(0)).double()
    relaxed = rows.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(weights @ model.outputs(RelaxedProfiles.dense(relaxed)).flatten(), relaxed)
    for row, item in ((0, 1), (0, 20), (1, TARGET), (1, 0)):
        step = torch.zeros_like(rows)
        step[row, item] = 1e-5
        difference = weights @ (outputs(rows + step) - outputs(rows - step)) / 2e-5
        assert gradient[row, item] == pytest.approx(float(difference), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("goal", ["push", "nuke"])
def test_the_wish_moves_the_target_beyond_the_list_and_nothing_else(goal: Goal) -> None:
    seen = view(goal=goal)
    model = model_of(seen, items=N_ITEMS - 1)
    nobody = RelaxedProfiles.dense(torch.zeros(0, N_ITEMS))
    model.refresh(nobody)  # so that outputs and factors belong to one and the same turn
    clean = (model.users @ model.items[model.columns].T - model.mean) / model.deviation
    wished = model.wished(5, 0.5)
    torch.testing.assert_close(wished[:, 1:], clean[:, 1:])
    has = seen.observed.contains(np.arange(60), np.full(60, TARGET))
    torch.testing.assert_close(wished[has], clean[has])
    scores = clean.clone()
    taken = seen.observed.csr[:, model.columns.numpy()].toarray() > 0
    scores[torch.tensor(taken)] = -torch.inf
    bar = scores[:, 1:].topk(5, dim=1).values[:, -1]
    beyond = wished[:, 0] - bar if goal == "push" else bar - wished[:, 0]
    assert (beyond[torch.tensor(~has)] > 0.499).all()
    assert (wished[:, 0] != clean[:, 0]).any() or goal == "nuke"


def test_the_slope_of_the_critic_is_taken_in_the_outputs_and_not_in_whose_they_are() -> None:
    seen = view()
    model = model_of(seen)
    critic = OutputCritic(model.columns, 4, 16, seen)
    rows = torch.randn(8, len(model.columns) + 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(rows).sum(), rows)
    assert slope[:, : len(model.columns)].any()
    assert not slope[:, len(model.columns) :].any()
    other = rows.detach().clone()
    other[:, -1] += 1
    assert (critic(other) != critic(rows)).any()
    assert gradient_penalty(critic, rows.detach(), rows.detach() + 1, torch.Generator()) > 0


def test_the_outputs_critic_alone_moves_every_layer_and_with_its_gradient_cut_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = view()
    start = replace(SMALL, steps=0).trained(seen)
    attack = replace(SMALL, steps=2, judge_every=2)
    moved = attack.trained(seen)
    assert all((old != new).any() for old, new in zip(start.parameters(), moved.parameters(), strict=True))
    outputs = OutputModel.outputs
    monkeypatch.setattr(OutputModel, "outputs", lambda self, profiles: outputs(self, profiles).detach())
    assert torch.equal(flat(attack.trained(seen)), flat(start))


def test_a_generator_that_climbs_the_targets_output_raises_it_on_profiles_that_it_never_climbed_on() -> None:
    seen = view(spend=budget(m=12))
    generator, model = ProfileGenerator(seen, 8, 16), model_of(seen)

    def output(seed: int) -> Tensor:
        return model.outputs(generator(seen.budget.sizes, seed))[:, 0].mean()

    def mean_output() -> float:
        with torch.no_grad():
            return float(torch.stack([output(seed) for seed in range(100, 110)]).mean())

    before = mean_output()
    climb = torch.optim.Adam(generator.parameters(), lr=1e-2, maximize=True)
    for seed in range(40):
        climb.zero_grad()
        output(seed).backward()  # type: ignore[no-untyped-call]
        climb.step()
    assert mean_output() > before


def test_profiles_hold_the_target_and_exactly_as_many_items_as_they_may() -> None:
    spend = Budget(np.array([1, 2, 5, 9, 40]), N_ITEMS)
    profiles = SMALL.craft(view(0, spend))
    profiles.check(spend)
    assert profiles.histories.lengths.tolist() == spend.sizes.tolist()
    assert all(TARGET in profiles.histories[k] for k in range(5))
    assert TARGET not in SMALL.craft(view(0, spend, "nuke")).items


def test_one_seed_gives_one_attack_another_seed_another_and_ratings_are_refused() -> None:
    first, again, other = (SMALL.craft(view(seed)).items.tolist() for seed in (1, 1, 2))
    assert first == again != other
    with pytest.raises(RecbenchError, match="writes clicks, not ratings"):
        SMALL.craft(replace(view(), feedback="explicit"))


def test_a_target_that_everybody_has_is_refused() -> None:
    train = planted()
    every = np.arange(train.n_users)
    users, items = np.append(train.users, every), np.append(train.items, np.full(train.n_users, TARGET))
    pairs = np.unique(users * train.n_items + items)
    all_of_them = Interactions(pairs // train.n_items, pairs % train.n_items, train.n_users, train.n_items)
    seen = view_of(all_of_them, {"interactions"}, budget())
    with pytest.raises(RecbenchError, match="nobody to address"):
        SMALL.craft(seen)
