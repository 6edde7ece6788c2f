"""A generator of profiles whose critic judges what the recommender makes of them, not the profiles themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from recbench.contracts import (
    Adam,
    AttackerView,
    PoisoningAttacker,
    Profiles,
    RecbenchError,
    derive_seed,
    torch_rng,
)
from recbench_plugins.attackers.gan.adversarial import Contest, mlp
from recbench_plugins.attackers.gan.gan import GAN
from recbench_plugins.attackers.gan.losses import LOSSES
from recbench_plugins.attackers.gan.networks import ProfileGenerator
from recbench_plugins.attackers.gan.output_model import OutputModel
from recbench_plugins.attackers.gan.surrogate_loss import keep_best
from recbench_plugins.attackers.gradient.pga import attack_loss


@dataclass(frozen=True)
class OutputGAN(PoisoningAttacker):
    """Profiles after which genuine users are shown what the attacker wants and, beside that, what they were shown.

        min over G, max over D:  E_z,u [D(f_u(G(z)))] - E_u [D(x_u)]

    G(z) are all fake profiles, f_u the scores that user u gets from a surrogate trained on genuine users and fakes, x_u
    the scores that the attacker wishes for u: those without any fakes, but for each target, which is raised to `margin`
    above the K-th best (to nuke, lowered below it). With D of slope 1 at most (gradient penalty) the inner maximum is
    the Wasserstein distance of the two laws; since one score is itself such a D, what is left of it bounds how far the
    mean score of a target is from the wish, and any other item's from where it was. D is given the user's factors, so
    that it compares users with themselves. Implicit feedback; push and nuke.

    f is weighted matrix factorization (Hu, Koren, Volinsky, ICDM 2008) near its fixed point: users' factors are held
    between refreshments, the fakes' follow their profiles and the items' follow both, each by one least squares
    solution. That is a strongly convex step with one answer, so the gradient of a score in a profile is exact for it.
    Scores are in standard deviations of the user's clean ones, for targets and for a fixed choice of other items.

    The formulation is that of Wasserstein GANs (Gulrajani et al., NIPS 2017) moved from profiles to outputs; its
    composition is ours. The generator first learns to imitate profiles as `gan` does. There is no saddle point to be
    had, so the generator is kept that moves the targets of surrogates of held-out seeds furthest. Knowledge:
    `interactions`; the surrogate is the attack's own.

    On ml-100k at 3%, one target, 1 unit: it gains 1.67 bits of rank on `ials` and 1.78 on `bpr-mf`; the generator that
    only imitates 1.26 and 1.60, an untrained one .21 and .44, `random` .10 and .43. The gradient of the outputs agrees
    with central differences to 1e-5. At 3%, 5 targets, 4 units, `ials`: 1.28 bits, with
    imitation alone .73, `popular` 1.39; 40 steps, tried with a longer imitation, gave what 20 did. Of the
    generator of 40, 28 profiles held 39% of the catalogue and 1,000 more 97%, all of them distinct. On FilmTrust the
    held-out surrogates, which are ALS like the attack's own, choose a generator that is worse on `ials` than the
    imitation it began as: 3.33, 3.30 and 2.90 bits for 3.77, 3.54 and 3.50 in three units.

    Args:
        noise, hidden: see `ProfileGenerator`; the critic's two hidden layers are as wide.
        imitation_steps: steps of the generator that make profiles look genuine, before anything else.
        steps: steps against the critic of outputs.
        critic_steps: steps of that critic before each, each on other users.
        batch: users a step.
        lr: Adam's step size for both players.
        items: how many scores the critic sees: the targets', half of the rest the most popular items', others by lot.
        top, margin: the wish puts a target `margin` standard deviations from the `top`-th best score.
        dim, alpha, l2: of the surrogate.
        sweeps: turns of alternating least squares from a fresh start.
        refresh_every: let the surrogate's users follow by one turn after so many steps.
        judge_every, held_out: judge on so many held-out surrogates after so many steps.
    """

    noise: PositiveInt = 100
    hidden: PositiveInt = 128
    imitation_steps: NonNegativeInt = 30
    steps: NonNegativeInt = 20
    critic_steps: PositiveInt = 3
    batch: PositiveInt = 128
    lr: PositiveFloat = 2e-3
    items: PositiveInt = 256
    top: PositiveInt = 10
    margin: PositiveFloat = 0.5
    dim: PositiveInt = 16
    alpha: PositiveFloat = 5.0
    l2: PositiveFloat = 45.0
    sweeps: PositiveInt = 8
    refresh_every: PositiveInt = 10
    judge_every: PositiveInt = 10
    held_out: PositiveInt = 2

    def craft(self, view: AttackerView) -> Profiles:
        return self.trained(view).sample(view.budget.sizes, derive_seed(view.seed, "profiles"))

    def trained(self, view: AttackerView) -> ProfileGenerator:
        """The generator, from which profiles of any number and size can be sampled."""
        imitation = GAN(
            noise=self.noise, hidden=self.hidden, imitation_steps=self.imitation_steps, steps=0, critic_steps=2, lr=3e-3
        )
        generator = imitation.trained(view)
        model = OutputModel(view, self.dim, self.alpha, self.l2, self.sweeps, self.items)
        critic = OutputCritic(model.columns, self.dim, self.hidden, view)
        pairs = self._pairs(view, generator, model, model.wished(self.top, self.margin))
        optimizer = Adam(self.lr, beta1=0.0, beta2=0.9)
        contest = Contest(generator, critic, LOSSES["wasserstein"], pairs, optimizer, self.critic_steps, view.seed)

        def judged() -> float:
            return float(np.mean([self._judged(view, generator, model, k) for k in range(self.held_out)]))

        keep_best(generator, lambda _: contest.step(), judged, self.steps, self.judge_every)
        return generator

    def _pairs(
        self, view: AttackerView, generator: ProfileGenerator, model: OutputModel, wished: Tensor
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Wished-for and actual outputs of the same users beside their factors, [batch, columns + dim], without end.

        The profiles are drawn anew for each step of the generator; in between its outputs differ in nothing but users.
        """
        audience = torch.nonzero(model.aim.pairs.any(1)).squeeze(1)
        if not len(audience):
            raise RecbenchError("output-gan has nobody to address: every user has all the targets")
        rng = torch_rng(view.seed, "audience", device=view.device)
        step = 0
        while True:
            if step and step % self.refresh_every == 0:
                model.refresh(generator(view.budget.sizes, derive_seed(view.seed, "refreshed", step)))
            outputs = model.outputs(generator(view.budget.sizes, derive_seed(view.seed, "poison", step)))
            for _ in range(self.critic_steps):
                drawn = torch.randint(len(audience), (self.batch,), generator=rng, device=view.device)
                users = audience[drawn]
                context = model.context[users]
                yield tuple(torch.cat([rows[users], context], 1) for rows in (wished, outputs))  # type: ignore[misc]
            step += 1

    def _judged(self, view: AttackerView, generator: ProfileGenerator, model: OutputModel, k: int) -> float:
        """The attack's loss on a surrogate trained anew, from a seed that no gradient came from."""
        with torch.no_grad():
            fakes = model.learned(generator(view.budget.sizes, derive_seed(view.seed, "judged", k)))
        start = model.als.start(self.dim, derive_seed(view.seed, "held out", k))
        users, _, items = model.als.trained(start, fakes, self.sweeps)
        return attack_loss(model.aim, users, items)[0]


class OutputCritic(nn.Module):
    """Scores [b] of users' outputs beside their factors, [b, columns + dim], higher for outputs as wished for.

    Its slope is taken in the outputs alone: whose they are is given.
    """

    def __init__(self, columns: Tensor, dim: int, hidden: int, view: AttackerView) -> None:
        super().__init__()
        rng = torch_rng(view.seed, "output critic", device=view.device)
        self.outputs = len(columns)
        self.layers = mlp((len(columns) + dim, hidden, hidden, 1), rng)

    def forward(self, rows: Tensor) -> Tensor:
        given = rows[:, self.outputs :].detach()
        scores: Tensor = self.layers(torch.cat([rows[:, : self.outputs], given], 1))
        return scores.squeeze(1)
