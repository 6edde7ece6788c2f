"""Recommenders of the library Cornac, from `pip install 'recbench[cornac]'`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from recbench.adapters import adapt, from_extra
from recbench.contracts import FitContext, Recommender, Scorer
from recbench.data import Interactions


@dataclass(frozen=True)
class CornacBPR(Recommender):
    """Matrix factorization with item biases, trained on pairs of items by stochastic gradient, in Cornac's C++.

    Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit
    feedback", UAI 2009. Ratings are not read.

    Args:
        k: dimensions.
        learning_rate, lambda_reg: of the stochastic gradient.
        max_iter: epochs of as many pairs as there are interactions.
    """

    k: PositiveInt = 64
    learning_rate: PositiveFloat = 0.01
    lambda_reg: NonNegativeFloat = 0.01
    max_iter: PositiveInt = 150

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        """Train.

        Raises:
            PluginError: Cornac is not installed.
        """
        models = from_extra("cornac", "cornac.models")
        return adapt(models.BPR(**asdict(self))).fit(train, ctx)
