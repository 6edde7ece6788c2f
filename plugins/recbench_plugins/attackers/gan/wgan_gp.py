"""A Wasserstein GAN with gradient penalty that imitates genuine profiles, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from recbench.contracts import Adam, AttackerView, PoisoningAttacker, Profiles, derive_seed
from recbench_plugins.attackers.gan.adversarial import Contest
from recbench_plugins.attackers.gan.gan import matched_pairs
from recbench_plugins.attackers.gan.losses import LOSSES
from recbench_plugins.attackers.gan.networks import ProfileDiscriminator, ProfileGenerator


@dataclass(frozen=True)
class WGANGP(PoisoningAttacker):
    """The targets in profiles that a critic cannot tell from genuine ones (Gulrajani et al., "Improved training of
    Wasserstein GANs", NIPS 2017, Algorithm 1). Implicit feedback.

    The critic minimizes E[D(fake)] - E[D(real)] + 10 E[(|slope of D between them| - 1)²], the generator -E[D(fake)].
    No surrogate is attacked: what the fakes do to the targets they do by being like users, as `copy`'s, without
    holding anybody's profile; `gan` is the same players with a surrogate's loss beside. Knowledge: `interactions`.

    Two steps of the critic and a larger step size imitate ml-100k as well as five and 1e-3 for 150 steps (items of a
    profile are as alike as genuine ones'), at a sixth of the cost.

    Args:
        noise, hidden: see `ProfileGenerator`; the critic's hidden layers are as wide.
        steps: of the generator.
        critic_steps: steps of the critic before each of the generator.
        batch: genuine users, and fakes of the same lengths, a step.
        lr: Adam's step size for both players, with the paper's betas, 0 and 0.9.
    """

    noise: PositiveInt = 100
    hidden: PositiveInt = 128
    steps: NonNegativeInt = 60
    critic_steps: PositiveInt = 2
    batch: PositiveInt = 64
    lr: PositiveFloat = 2e-3

    def craft(self, view: AttackerView) -> Profiles:
        generator = ProfileGenerator(view, self.noise, self.hidden)
        critic = ProfileDiscriminator(view, self.hidden)
        pairs = matched_pairs(view, generator, self.batch)
        optimizer = Adam(self.lr, beta1=0.0, beta2=0.9)
        contest = Contest(generator, critic, LOSSES["wasserstein"], pairs, optimizer, self.critic_steps, view.seed)
        for _ in range(self.steps):
            contest.step()
        return generator.sample(view.budget.sizes, derive_seed(view.seed, "profiles"))
