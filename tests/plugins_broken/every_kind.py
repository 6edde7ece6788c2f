"""What goes wrong in every kind of component, shown on neighbours of items."""

from __future__ import annotations

import contextlib
import os
import socket
import warnings
from pathlib import Path

import numpy as np
import torch

from recbench.component import Component
from recbench.contracts import numpy_rng
from recbench_plugins.recommenders.item_knn import ItemKNN
from recbench_plugins.recommenders.linear import LinearScorer


class Unseeded(ItemKNN):
    """D25, D35: breaks ties by the operating system's randomness beside the seed's."""

    def fit(self, train, ctx):
        scorer = super().fit(train, ctx)
        own = np.random.default_rng(int.from_bytes(os.urandom(8)))
        lots = numpy_rng(ctx.seed, "ties").random(train.n_items) + own.random(train.n_items)
        return LinearScorer(scorer.histories, scorer.weights.toarray() + 1e-7 * lots.astype(np.float32))


class UnusedShuffle(ItemKNN):
    """D47: draws an order of the users and goes on without it."""

    def fit(self, train, ctx):
        numpy_rng(ctx.seed, "order").permutation(train.n_users)
        return super().fit(train, ctx)


class GlobalSeed(ItemKNN):
    """Seeds NumPy's global generator, for itself and for everybody else."""

    def fit(self, train, ctx):
        np.random.seed(0)  # noqa: NPY002
        return super().fit(train, ctx)


class InPlace(ItemKNN):
    """D10: turns the ratings into likes where they lie; torch does not ask whether it may write."""

    def fit(self, train, ctx):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if train.ratings is not None:
                torch.from_numpy(train.ratings).ge_(4)
        return super().fit(train, ctx)


class PhonesHome(ItemKNN):
    """Looks for newer weights on a server, and goes on where there is none."""

    def fit(self, train, ctx):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().fit(train, ctx)


class CachesBesideTheCode(ItemKNN):
    """D7: keeps its matrix in a file named after the number of items."""

    def fit(self, train, ctx):
        cache = Path(__file__).with_name(f"neighbours-{train.n_items}.npy")
        np.save(cache, train.item_counts)
        cache.unlink()
        return super().fit(train, ctx)


class DividesByRatings(ItemKNN):
    """Divides by how far a user's ratings are from their mean, which is nothing where all are equal."""

    def fit(self, train, ctx):
        scorer = super().fit(train, ctx)
        if train.ratings is None:
            return scorer
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.zeros(train.n_items, dtype=np.float32) / np.float32(0)
        return LinearScorer(scorer.histories, scorer.weights.toarray() + spread)


class ForgetsTheDevice(ItemKNN):
    """D25, D35: makes a tensor wherever torch makes tensors by default."""

    def fit(self, train, ctx):
        scorer = super().fit(train, ctx)
        scale = torch.ones(1).numpy()
        return LinearScorer(scorer.histories, scorer.weights.toarray() * scale)


def _knn(name: str, **facts) -> Component:
    return Component("recommender", name.lower(), f"{__name__}:{name}", **facts)


BROKEN = {
    "the entry module imports without torch": Component("recommender", "heavy", "heavy_entry:HeavyEntry"),
    "what it provides is there": Component(
        "recommender", "promises", f"{ItemKNN.__module__}:ItemKNN", provides={"ratings"}
    ),
    "the same seed gives the same result to the bit": _knn("Unseeded"),
    "another seed gives another result where chance is used": _knn("UnusedShuffle"),
    "global random state is untouched": _knn("GlobalSeed"),
    "what it is given is left unchanged": _knn("InPlace", requires_data={"ratings"}),
    "it does not use the network": _knn("PhonesHome"),
    "it writes no files outside its folder": _knn("CachesBesideTheCode"),
    "everything it returns is finite": _knn("DividesByRatings"),
    "tensors are made on the device it is given": _knn("ForgetsTheDevice"),
}
