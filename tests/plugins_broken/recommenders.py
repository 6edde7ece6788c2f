"""Recommenders with one mistake each; neighbours of items but for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from recbench.component import Component
from recbench.contracts import Recommender, numpy_rng
from recbench_plugins.recommenders.item_knn import ItemKNN


@dataclass(frozen=True, eq=False)
class Around:
    """A scorer around another one."""

    inner: Any

    def score(self, users):
        return self.inner.score(users)


class EachUserOnce(ItemKNN):
    """D18: numbers anew whom it is asked for, and answers for each of them once."""

    def fit(self, train, ctx):
        class Scorer(Around):
            def score(self, users):
                return self.inner.score(np.unique(users))

        return Scorer(super().fit(train, ctx))


class Pickled(ItemKNN):
    """Its state is a Python object, which only pickle could store."""

    def fit(self, train, ctx):
        class Scorer(Around):
            def state(self):
                return {"model": np.array([self.inner], dtype=object)}

        return Scorer(super().fit(train, ctx))


@dataclass(frozen=True)
class NeverMoves(Recommender):
    """D21: its optimizer holds another model's parameters, so that its own stay as they began."""

    def fit(self, train, ctx):
        class Scorer:
            factors = numpy_rng(ctx.seed, "items").normal(size=(train.n_users, train.n_items))

            def score(self, users):
                return self.factors[users]

        return Scorer()


class HoldsOut(ItemKNN):
    """D37, D44: trains on the first three clicks of each user and keeps the others to validate on."""

    def fit(self, train, ctx):
        place = np.arange(len(train)) - train.indptr[train.users]
        return super().fit(train.select(place < 4), ctx)


class KnowsTheIds(ItemKNN):
    """D14: favours items by ids that mean something in one data set."""

    def fit(self, train, ctx):
        scorer = super().fit(train, ctx)
        favoured = np.float32(0.5) * np.arange(train.n_items, dtype=np.float32)

        class Scorer(Around):
            def score(self, users):
                return self.inner.score(users) + favoured / len(favoured)

        return Scorer(scorer)


def _of(name: str, **facts) -> Component:
    return Component("recommender", name.lower(), f"{__name__}:{name}", **facts)


BROKEN = {
    "scores have a row a user and a column an item": _of("EachUserOnce"),
    "its state survives the store without pickle": _of("Pickled", provides={"persistent"}),
    "it beats popularity on planted preferences": _of("NeverMoves"),
    "it learns more from more data": _of("HoldsOut"),
    "relabelling users and items permutes its scores": _of("KnowsTheIds"),
}
