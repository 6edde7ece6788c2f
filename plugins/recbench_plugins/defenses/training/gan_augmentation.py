"""GAN augmentation: plausible interactions that a generative adversarial network adds, where they help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from recbench.contracts import (
    Differentiable,
    FitContext,
    Params,
    Problem,
    Protected,
    RecbenchError,
    Recommender,
    RobustTraining,
    Scorer,
    derive_seed,
    numpy_rng,
    optimize,
)
from recbench.data import Interactions
from recbench_plugins.defenses.training.apt import Rebound
from recbench_plugins.defenses.training.cfgan import CFGAN

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Users and items, both [k]."""


@dataclass(frozen=True)
class GANAugmentation(RobustTraining):
    """A generator adds to every user the items that she most likely lacks, and the model trains on them as well. Meant
    for accuracy on clean data; a defense whose cost there is negative where it works. It repels no attack: **it copies
    the poison**, since a target that fakes hold is predicted for genuine users too. Run it behind a detector.

    The generator is `CFGAN`. To each user, with d_u items, the ceil(share d_u) best of those she does not have are
    added, but to no item more than `cap` times its observed count; who is added to an item is decided by lot. They are
    positives of weight `weight`: each is there in that share of the epochs, by lot, which in the mean is the weight of
    its loss, in any model. They are trained on and no part of any user's history: what is recommended
    from histories reads those that were given. The augmented model is kept where its validation quality is more than
    1 + margin times that of the plain one, else the plain model is. Where there is no validation nothing can be
    compared, and the augmented model is kept as it is. With weight 0 the training is the plain one.

    Measured on ml-100k with bpr-mf (2 units, docs/validation/generative-training.md): on clean data nothing was
    accepted, so that the cost was 0. Of four poisoned trainings two were, where test NDCG@10 changed by -3.9% and +.5%
    and the attack's rank gain rose, by .06 and .09 bits. Two plain trainings differ by up to 3%.

    Args:
        share: of a user's items, how many are added.
        weight: of an added interaction, at most 1.
        cap: additions to an item, in its observed counts.
        margin: stands for the least difference that can be told from chance, which one number does not give.
        hidden, mask, alpha, lr, batch, steps, judge_every, patience: of the generator, see `CFGAN`, whose `share` is
            `mask`.
    """

    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    weight: Annotated[float, Field(ge=0, le=1)] = 0.2
    cap: NonNegativeFloat = 2.0
    margin: NonNegativeFloat = 0.005
    hidden: PositiveInt = 200
    mask: Annotated[float, Field(gt=0, le=1)] = 0.7
    alpha: NonNegativeFloat = 0.03
    lr: PositiveFloat = 1e-3
    batch: PositiveInt = 64
    steps: PositiveInt = 1000
    judge_every: PositiveInt = 100
    patience: PositiveInt = 3

    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        """Train.

        Raises:
            RecbenchError: the track is explicit.
        """
        assert isinstance(recommender, Differentiable)  # the component requires it
        if train.ratings is not None:
            raise RecbenchError("gan-augmentation adds clicks, not ratings; run it on the implicit track")
        given, added = recommender.problem(train, ctx), self.additions(train, ctx)
        problem = Augmented(given)

        def renew(epoch: int, _: Params | None = None) -> None:
            drawn = numpy_rng(ctx.seed, "added", epoch + 1).random(len(added[0])) < self.weight
            problem.coming = recommender.problem(
                extended(train, added[0][drawn], added[1][drawn], derive_seed(ctx.seed, "places", epoch + 1)), ctx
            )

        renew(-1)
        augmented = problem.finish(optimize(problem, ctx, on_epoch=renew))
        if ctx.validate is None:
            return Protected(augmented)
        plain = given.finish(optimize(given, ctx))
        helps = ctx.validate(augmented) > (1 + self.margin) * ctx.validate(plain)
        return Protected(augmented if helps else plain)

    def additions(self, train: Interactions, ctx: FitContext) -> Pairs:
        """What is added: users and items, both int64 [k]."""
        seed = derive_seed(ctx.seed, "gan-augmentation")
        model = CFGAN(
            self.hidden, self.mask, self.alpha, self.lr, self.batch, self.steps, self.judge_every, self.patience
        )
        generator = model.fit(train, seed, ctx.device)
        users, items = generator.missing(train, np.ceil(self.share * train.user_counts).astype(np.int64))
        order = np.lexsort((numpy_rng(seed, "cap").random(len(items)), items))
        counts = np.bincount(items, minlength=train.n_items)
        place = np.arange(len(items)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = np.sort(order[place + 1 <= self.cap * train.item_counts[items[order]]])
        return users[kept], items[kept]


class Augmented(Rebound):
    """The problem of each epoch's data; what it leaves behind scores by the data as given."""

    def __init__(self, given: Problem) -> None:
        super().__init__(given)
        self.given = given

    def finish(self, params: Params) -> Scorer:
        return self.given.finish(params)


def extended(train: Interactions, users: NDArray[np.int64], items: NDArray[np.int64], seed: int) -> Interactions:
    """The data with some interactions more, each at a place of its user's history drawn by lot; without times."""
    own = np.arange(len(train)) - train.indptr[train.users]
    places = np.concatenate([own, numpy_rng(seed).random(len(users)) * train.user_counts[users] - 0.5])
    everyone, everything = np.concatenate([train.users, users]), np.concatenate([train.items, items])
    order = np.lexsort((places, everyone))
    return Interactions(everyone[order], everything[order], train.n_users, train.n_items)
