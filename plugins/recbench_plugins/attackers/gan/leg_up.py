"""Leg-UP: a generator that rates the items of genuine users so as to raise the targets on a surrogate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from recbench.contracts import (
    Adam,
    AttackerView,
    Budget,
    PoisoningAttacker,
    Profiles,
    RatingScale,
    RelaxedProfiles,
    derive_seed,
    numpy_rng,
    project,
    straight_through,
    torch_rng,
)
from recbench_plugins.attackers.gan.adversarial import Contest, mlp
from recbench_plugins.attackers.gan.losses import LOSSES
from recbench_plugins.attackers.gan.networks import ProfileDiscriminator
from recbench_plugins.attackers.gan.surrogate_loss import SurrogateLoss, learn_to_attack
from recbench_plugins.attackers.gan.templates import Templates, drawn_templates
from recbench_plugins.attackers.heuristic.assembly import rating_scale
from recbench_plugins.attackers.objectives import Aim, Objective


@dataclass(frozen=True)
class LegUP(PoisoningAttacker):
    """Genuine users' items, rated by a generator (Lin, Chen, Zeng, Zhang, Gao, Li, "Shilling black-box recommender
    systems by learning to generate fake user profiles", IEEE TNNLS 2022, eq. 3 to 9). Push, nuke; explicit feedback.

    An autoencoder turns a template's ratings into a value a_j for each item, and learned thresholds b_jl of the item
    turn that into a rating, low + step · (how many of them a_j exceeds); backwards the step has the slope of tanh, so
    that values and thresholds learn. The generator is first taught the templates' own ratings, then minimizes

        -log D(ratings) + weight · the attack's loss on a surrogate,

    whose training on genuine users and fakes is differentiated through. The targets, rated as the goal wants them,
    are in the profiles all along; in the released code they are added at the end, so that another problem is solved.

    Departures: the two terms are descended together, not in turn; the surrogate starts from what it knows of genuine
    users and is trained on for a few epochs, which costs a fiftieth of training it anew; the attack's loss is the
    benchmark's (`competitors` is the paper's); the generator that attacks held-out surrogate seeds best is kept.
    Knowledge: `interactions`, `surrogate`.

    On ml-100k at 1%, 5 targets, `biased-mf`, it gains 6.23 bits of rank; with twice the steps, which take 1.7 times as
    long, 6.11; after imitation alone 5.19, `copy` 4.68: means of 4 units, too few for a claim.

    Args:
        hidden: units of the autoencoder's hidden layer, and of each of the discriminator's two.
        imitation_steps: steps of the generator towards the templates' own ratings, before anything else.
        steps: steps against discriminator and surrogate.
        critic_steps: steps of the discriminator before each of the generator.
        batch: templates a step.
        lr: Adam's step size for both players.
        weight: of the attack's loss; at 0 the generator only imitates.
        objective: the attack's loss, see `Aim`.
        surrogate: a differentiable recommender of ratings, by name.
        dim, epochs, start_epochs, last_epochs, last_lr, starts, judge_every, held_out: see `GAN`.
    """

    hidden: PositiveInt = 125
    imitation_steps: NonNegativeInt = 60
    steps: NonNegativeInt = 16
    critic_steps: PositiveInt = 2
    batch: PositiveInt = 64
    lr: PositiveFloat = 5e-3
    weight: NonNegativeFloat = 10.0
    objective: Objective = "log-rank"
    surrogate: str = "biased-mf"
    dim: PositiveInt = 6
    epochs: PositiveInt = 100
    start_epochs: PositiveInt = 60
    last_epochs: PositiveInt = 10
    last_lr: PositiveFloat = 0.03
    starts: PositiveInt = 4
    judge_every: PositiveInt = 8
    held_out: PositiveInt = 2

    def craft(self, view: AttackerView) -> Profiles:
        return self.trained(view).sample(view.budget.sizes, derive_seed(view.seed, "profiles"))

    def trained(self, view: AttackerView) -> Rater:
        """The generator, which rates any number of templates."""
        aim = Aim.of(view, self.objective)
        generator = Rater(view, self.hidden)
        critic = ProfileDiscriminator(view, self.hidden)
        optimizer = Adam(self.lr, beta1=0.5)
        self._imitate(view, generator, optimizer)
        pairs = self._pairs(view, generator)
        contest = Contest(generator, critic, LOSSES["cross-entropy"], pairs, optimizer, self.critic_steps, view.seed)
        if not (self.steps and self.weight):
            for _ in range(self.steps):
                contest.step()
            return generator
        attack = SurrogateLoss.of(
            view,
            aim,
            self.surrogate,
            self.dim,
            self.epochs,
            self.start_epochs,
            self.last_epochs,
            self.last_lr,
            self.starts,
        )

        def drawn(seed: int) -> RelaxedProfiles:
            return generator.profiles(view.budget.sizes, seed)

        learn_to_attack(contest, attack, drawn, self.steps, self.weight, self.judge_every, self.held_out)
        return generator

    def _templates(self, view: AttackerView, generator: Rater, *stream: str | int) -> Templates:
        seed = derive_seed(view.seed, *stream)
        return generator.templates(numpy_rng(seed, "sizes").choice(view.budget.sizes, self.batch), seed)

    def _imitate(self, view: AttackerView, generator: Rater, optimizer: Adam) -> None:
        """The likelihood of the templates' own ratings, as a cumulative logistic model of the same values."""
        learning = optimizer.torch(generator.parameters())
        for step in range(self.imitation_steps):
            templates = self._templates(view, generator, "imitation", step)
            margins = generator.margins(templates)
            above = (templates.values[:, None] > generator.below).float()
            learning.zero_grad()
            binary_cross_entropy_with_logits(2 * margins, above).backward()  # type: ignore[no-untyped-call]
            learning.step()

    def _pairs(self, view: AttackerView, generator: Rater) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows [batch, n_items] of templates as their users rated them and as the generator does, without end."""
        for turn in count():
            templates = self._templates(view, generator, "judged", turn)
            yield templates.ratings / generator.scale.high, generator(templates) / generator.scale.high


class Rater(nn.Module):
    """From a genuine user's ratings of some items to ratings of the same items, all of them on the scale.

    Args:
        view: names targets, goal and catalogue; its seed draws the parameters.
        hidden: units of the hidden layer.

    Raises:
        RecbenchError: the track is implicit.
    """

    def __init__(self, view: AttackerView, hidden: int) -> None:
        super().__init__()
        self.view = view
        self.scale = rating_scale(view, "leg-up")
        self.below = grid(self.scale, view.device)[:-1]
        rng = torch_rng(view.seed, "generator", device=view.device)
        self.layers = mlp((view.n_items, hidden, view.n_items), rng)
        self.first = nn.Parameter(torch.ones(view.n_items, device=view.device))
        self.gaps = nn.Parameter(torch.ones(view.n_items, len(self.below) - 1, device=view.device))

    def templates(self, sizes: NDArray[np.int64], seed: int) -> Templates:
        """Genuine users with as many items beside the targets as profiles of `sizes` have room for."""
        return drawn_templates(self.view, np.maximum(sizes - len(self.view.targets), 0), self.view.targets, seed)

    def margins(self, templates: Templates) -> Tensor:
        """By how much the value of each item that is held exceeds each of its thresholds, [nnz, levels - 1]."""
        values = len(self.below) + 1 + (len(self.below) + 1) * torch.tanh(self._outputs(templates))
        further = torch.cumsum(self.gaps.relu() + 1e-4, dim=1)
        thresholds = torch.cat([self.first[:, None], self.first[:, None] + further], dim=1)
        return values[:, None] / 2 - thresholds.index_select(0, templates.items)

    def _outputs(self, templates: Templates) -> Tensor:
        """What the layers make of the rows, [nnz]: an output for each item that is held."""
        found = []
        for block in templates.blocks():
            lengths = block.ratings.norm(dim=1, keepdim=True).clamp(min=1)
            found.append(self.layers(block.ratings / lengths).reshape(-1).index_select(0, block.places))
        return torch.cat(found)

    def rated(self, templates: Templates) -> Tensor:
        """Ratings [nnz] of what the templates hold."""
        return self.scale.low + self.scale.step * step_of(self.margins(templates)).sum(1)

    def forward(self, templates: Templates) -> Tensor:
        """Ratings [m, n_items] of what the templates hold, 0 elsewhere."""
        return templates.dense(self.rated(templates))

    def profiles(self, sizes: NDArray[np.int64], seed: int) -> RelaxedProfiles:
        """Profiles of `sizes` [m] items whose ratings carry the generator's gradient; click order is item order."""
        targets = torch.tensor(self.view.targets, dtype=torch.int64, device=self.view.device)
        templates = self.templates(sizes, seed)
        given = self.scale.low if self.view.goal == "nuke" else self.scale.high
        rated = self.rated(templates)
        profiles = templates.profiles(rated, targets, rated.new_full((len(sizes), len(targets)), given))
        # The shortest have no room for all targets.
        budget = Budget(sizes, self.view.n_items, self.scale)
        return straight_through(profiles, budget, derive_seed(seed, "ties"), self.view.targets)

    def sample(self, sizes: NDArray[np.int64], seed: int) -> Profiles:
        """Profiles of exactly `sizes` [m] items; their click order is drawn by lot, nothing else is left to choose."""
        with torch.no_grad():
            profiles = self.profiles(sizes, seed)
        return project(profiles, Budget(sizes, self.view.n_items, self.scale), derive_seed(seed, "ties"))


def grid(scale: RatingScale, device: str) -> Tensor:
    """All ratings of the scale, ascending."""
    return torch.linspace(scale.low, scale.high, round((scale.high - scale.low) / scale.step) + 1, device=device)


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return (values > 0).to(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        slope: Tensor = 1 - torch.tanh(values) ** 2
        return gradients[0] * slope


def step_of(values: Tensor) -> Tensor:
    """1 where a value is positive, else 0; backwards with the slope of tanh (Leg-UP, eq. 5)."""
    stepped: Tensor = _Step.apply(values)  # type: ignore[no-untyped-call]
    return stepped
