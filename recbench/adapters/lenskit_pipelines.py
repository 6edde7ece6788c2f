"""Pipelines and scorers of LensKit (Ekstrand, CIKM 2020, https://lenskit.org), of its releases from 2025 on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.adapters.feedback import table
from recbench.adapters.lists import spread
from recbench.adapters.plain import copied
from recbench.adapters.seeding import library_seed
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions
from recbench.errors import PluginError


@dataclass(frozen=True)
class LensKit(Recommender):
    """A pipeline, or a scorer such as `ItemKNNScorer(k=20)`, of which `topn_pipeline` makes one.

    Every fit trains a clone, which LensKit builds anew from the configuration, with the fit's seed.
    The data set holds every user and item, and ratings where there are some.

    Args:
        model: the object.

    Raises:
        PluginError: a pipeline without a node called `scorer`.
    """

    model: Any

    def __post_init__(self) -> None:
        if _is_pipeline(self.model) and self.model.node("scorer", missing="none") is None:
            raise PluginError("the pipeline of LensKit has no node called 'scorer', which scores a victim's items")

    def fit(self, train: Interactions, ctx: FitContext) -> LensKitScorer:
        from lenskit.data import from_interactions_df
        from lenskit.pipeline import topn_pipeline
        from lenskit.training import TrainingOptions

        pipeline = self.model.clone() if _is_pipeline(self.model) else topn_pipeline(copied(self.model))
        rows = table(train)
        if train.timestamps is not None:  # as dates: the unit of a number is a parameter in its releases of 2026 alone
            rows["timestamp"] = rows["timestamp"].astype("datetime64[s]")
        data = from_interactions_df(rows, users=np.arange(train.n_users), items=np.arange(train.n_items))
        pipeline.train(data, TrainingOptions(rng=library_seed(ctx), device=ctx.device))
        return LensKitScorer(pipeline, train.n_items)


@dataclass(frozen=True, eq=False)
class LensKitScorer:
    """Args: pipeline: trained; n_items: size of the catalogue."""

    pipeline: Any
    n_items: int

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float64]:
        """Scores [b, n_items], of one user at a time; items that LensKit cannot score tie last."""
        from lenskit.data import ItemList

        everything = ItemList(np.arange(self.n_items))
        lists = [self.pipeline.run("scorer", query=int(user), items=everything) for user in users]
        shape = len(users), self.n_items
        items = np.array([each.ids() for each in lists], dtype=np.int64).reshape(shape)
        scores = np.array([each.scores() for each in lists], dtype=np.float64).reshape(shape)
        return spread(np.where(np.isfinite(scores), items, -1), scores, self.n_items, "the pipeline of LensKit")


def configuration(factory: Any) -> type | None:
    """The class whose parameters a component of LensKit takes by keyword; None for anything else."""
    cls: type | None = factory.config_class() if hasattr(factory, "config_class") else None
    return cls


def _is_pipeline(model: Any) -> bool:
    return any(cls.__name__ == "Pipeline" for cls in type(model).__mro__)
