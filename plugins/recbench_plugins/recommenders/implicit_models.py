"""Recommenders of the library implicit, from `pip install 'recbench[implicit]'`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from recbench.adapters import adapt, from_extra
from recbench.contracts import FitContext, Recommender, Scorer
from recbench.data import Interactions


@dataclass(frozen=True)
class ImplicitALS(Recommender):
    """Weighted matrix factorization by alternating least squares, with conjugate gradients, in implicit's C++.

    Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008; Takács,
    Pilászy, Tikk, "Applications of the conjugate gradient method for implicit feedback collaborative
    filtering", RecSys 2011. Defaults were chosen on a validation part of ml-100k.

    Args:
        factors: dimensions.
        regularization: L2, not scaled by how often a user or an item occurs.
        alpha: factor on the weight of an interaction, which is its rating or 1; a missing one weighs 1.
        iterations: passes over users and items.
    """

    factors: PositiveInt = 64
    regularization: PositiveFloat = 20.0
    alpha: PositiveFloat = 2.0
    iterations: PositiveInt = 15

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        """Train.

        Raises:
            PluginError: implicit is not installed.
        """
        als = from_extra("implicit", "implicit.cpu.als")
        return adapt(als.AlternatingLeastSquares(**asdict(self))).fit(train, ctx)


@dataclass(frozen=True)
class ImplicitBPR(Recommender):
    """Matrix factorization trained on pairs of items by stochastic gradient, in implicit's C++.

    Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit
    feedback", UAI 2009. Ratings are not read. Defaults were chosen on a validation part of ml-100k.

    Args:
        factors: dimensions, one of which becomes the bias of an item.
        learning_rate, regularization: of the stochastic gradient.
        iterations: epochs of as many pairs as there are interactions.
    """

    factors: PositiveInt = 32
    learning_rate: PositiveFloat = 0.01
    regularization: NonNegativeFloat = 0.05
    iterations: PositiveInt = 150

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        """Train.

        Raises:
            PluginError: implicit is not installed.
        """
        bpr = from_extra("implicit", "implicit.cpu.bpr")
        return adapt(bpr.BayesianPersonalizedRanking(**asdict(self))).fit(train, ctx)
