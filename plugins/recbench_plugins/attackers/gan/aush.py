"""AUSH: a genuine user's profile, augmented by ratings that a generative adversarial network writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from recbench.contracts import (
    Adam,
    AttackerView,
    Budget,
    PoisoningAttacker,
    Profiles,
    RatingScale,
    RecbenchError,
    derive_seed,
    numpy_rng,
    project,
    torch_rng,
)
from recbench_plugins.attackers.gan.adversarial import Contest, mlp
from recbench_plugins.attackers.gan.losses import LOSSES
from recbench_plugins.attackers.gan.networks import ProfileDiscriminator
from recbench_plugins.attackers.gan.templates import Templates, drawn_templates
from recbench_plugins.attackers.heuristic.assembly import rating_scale
from recbench_plugins.attackers.heuristic.segment import segments


@dataclass(frozen=True)
class AUSH(PoisoningAttacker):
    """Copies of genuine profiles whose ratings of the targets' segment are generated (Lin, Chen, Li, Xiao, Li, Yang,
    "Attacking recommender systems with augmented user profiles", CIKM 2020, eq. 3 to 7). Push; explicit feedback.

    A fake is the fillers x_F of a genuine user u, as rated, the generated ratings G(x_F) of the selected items S, and
    the targets at the top of the scale. The generator minimizes

        -log D(x_F, G(x_F)) + shilling · mean over S of (G - top)²
                            + reconstruction · mean over S rated by u of (G - x_u)²

    against a discriminator of genuine and fake rows; ratings in the squares are shares of the scale. What is learned
    is how to rate the segment: as high as a user of that taste would believably go.

    A profile of no more than the targets and `selected` items has none of its template's, and a random part of the
    segment where it is shorter still.

    Departures: the segment is chosen as `segment` chooses it. The discriminator sees a selected item only where the
    template's user has rated it, on both sides, and generated ratings as they are injected, on the scale's grid: else
    it would count items and recognize fractions. Unrated selected items are not reconstructed as zeros, which is no
    rating. Knowledge: `interactions`; no surrogate.

    The claim is about the segment's users. On ml-100k at 1%, a factorization without biases (the conformance kit's),
    one target, 3 units: among users who rate three of S 4 or more the target gains 1.33 bits of rank; untrained .52,
    `random` 1.11, `copy` .80. Among all others .81, untrained .94, `random` .27, `copy` .93: what is learned serves the
    segment alone. On `biased-mf` it harms: a fake that likes much has a high bias, beside which the top rating of a
    target says less (4.1 bits, untrained 6.9, `random` 3.6). On 20 planted tasks it beats random fakes.

    Args:
        selected: how many items of the segment a profile rates.
        hidden: units of the generator's first hidden layer, a third as many in the second; the discriminator has two
            of `critic_hidden`.
        steps: of both players in turn.
        batch: templates a step.
        lr: Adam's step size for both.
        shilling, reconstruction: weights, see above.
    """

    selected: PositiveInt = 10
    hidden: PositiveInt = 128
    critic_hidden: PositiveInt = 128
    steps: NonNegativeInt = 60
    batch: PositiveInt = 64
    lr: PositiveFloat = 5e-3
    shilling: NonNegativeFloat = 1.0
    reconstruction: NonNegativeFloat = 1.0

    def craft(self, view: AttackerView) -> Profiles:
        return self.trained(view).sample(view.budget.sizes, derive_seed(view.seed, "profiles"))

    def trained(self, view: AttackerView) -> Augmenter:
        """The generator, which augments any number of templates."""
        if view.goal != "push" or not len(view.targets):
            raise RecbenchError(f"aush pushes targets to those who like their kind; it cannot {view.goal}")
        generator = Augmenter(view, self.selected, self.hidden)
        critic = ProfileDiscriminator(view, self.critic_hidden)
        pairs = self._pairs(view, generator)
        contest = Contest(generator, critic, LOSSES["cross-entropy"], pairs, Adam(self.lr, beta1=0.5), 1, view.seed)
        for step in range(self.steps):
            templates = self._templates(view, generator, derive_seed(view.seed, "augmented", step))
            contest.step(self._beside(generator, templates))
        return generator

    def _templates(self, view: AttackerView, generator: Augmenter, seed: int) -> Templates:
        return generator.templates(numpy_rng(seed, "sizes").choice(view.budget.sizes, self.batch), seed)

    def _pairs(self, view: AttackerView, generator: Augmenter) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows [batch, n_items] of users and of their copies whose selected ratings are generated, without end."""
        for turn in count():
            templates = self._templates(view, generator, derive_seed(view.seed, "judged", turn))
            theirs = generator.theirs(templates)
            generated = on_grid(generator(templates), generator.scale) * generator.rated(templates)
            yield tuple(  # type: ignore[misc]
                templates.ratings.index_copy(1, generator.segment, ratings) / generator.scale.high
                for ratings in (theirs, generated)
            )

    def _beside(self, generator: Augmenter, templates: Templates) -> Tensor:
        """The shilling and the reconstruction loss, weighted."""
        scale, theirs, generated = generator.scale, generator.theirs(templates), generator(templates)
        span = scale.high - scale.low
        rated = generator.rated(templates)
        raised = (((generated - scale.high) / span) ** 2).mean()
        restored = (rated * ((generated - theirs) / span) ** 2).sum() / rated.sum().clamp(min=1)
        beside: Tensor = self.shilling * raised + self.reconstruction * restored
        return beside


class Augmenter(nn.Module):
    """From what a genuine user rates elsewhere to ratings of the targets' segment.

    Args:
        view: names targets and catalogue; its seed draws the parameters.
        selected: size of the segment.
        hidden: see `AUSH`.

    Raises:
        RecbenchError: the track is implicit.
    """

    def __init__(self, view: AttackerView, selected: int, hidden: int) -> None:
        super().__init__()
        self.view = view
        self.scale = rating_scale(view, "aush")
        places = segments(view).min(axis=0)
        others = np.setdiff1d(np.arange(view.n_items), view.targets)
        self.selected = others[np.argsort(places[others], kind="stable")[:selected]]
        self.segment = torch.tensor(self.selected, device=view.device)
        known, held = (matrix[:, self.selected].toarray() for matrix in (view.observed.ratings_csr, view.observed.csr))
        self.known = torch.tensor(known, dtype=torch.float32, device=view.device)
        self.held = torch.tensor(held, dtype=torch.bool, device=view.device)
        rng = torch_rng(view.seed, "generator", device=view.device)
        self.layers = mlp((view.n_items, hidden, max(1, hidden // 3), len(self.selected)), rng)

    def templates(self, sizes: NDArray[np.int64], seed: int) -> Templates:
        """Genuine users with as many items beside targets and segment as profiles of `sizes` have room for."""
        without = np.concatenate([self.view.targets, self.selected])
        return drawn_templates(self.view, np.maximum(sizes - len(without), 0), without, seed)

    def theirs(self, templates: Templates) -> Tensor:
        """How the templates' users rate the segment themselves, [m, |S|]; 0 where they do not."""
        return self.known[torch.tensor(templates.users, device=self.view.device)]

    def rated(self, templates: Templates) -> Tensor:
        """Whether they do, bool [m, |S|]: on some scales a rating may be 0 or less."""
        return self.held[torch.tensor(templates.users, device=self.view.device)]

    def forward(self, templates: Templates) -> Tensor:
        """Ratings of the segment [m, |S|], between the ends of the scale."""
        found = []
        for block in templates.blocks():
            lengths = block.ratings.norm(dim=1, keepdim=True).clamp(min=1)
            found.append(torch.sigmoid(self.layers(block.ratings / lengths)))
        return self.scale.low + (self.scale.high - self.scale.low) * torch.cat(found)

    def sample(self, sizes: NDArray[np.int64], seed: int) -> Profiles:
        """Profiles of exactly `sizes` [m] items: the targets, then the segment, then the template's."""
        templates = self.templates(sizes, seed)
        targets = torch.tensor(self.view.targets, dtype=torch.int64, device=self.view.device)
        with torch.no_grad():
            generated = self(templates)
        ratings = torch.cat([generated, generated.new_full((len(sizes), len(targets)), self.scale.high)], dim=1)
        profiles = templates.profiles(templates.values, torch.cat([self.segment, targets]), ratings, weight=2.0)
        budget = Budget(sizes, self.view.n_items, self.scale)
        return project(profiles, budget, derive_seed(seed, "ties"), self.view.targets)


def on_grid(ratings: Tensor, scale: RatingScale) -> Tensor:
    """The ratings rounded to the scale, with the gradient of what they were."""
    rounded = torch.tensor(scale.round(ratings.detach().cpu().numpy()), device=ratings.device)
    return ratings + (rounded - ratings).detach()
