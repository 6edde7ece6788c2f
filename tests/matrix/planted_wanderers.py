"""Components that do not do the same twice, whatever the seed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from planted_components import Counts, fill

from recbench.contracts import AttackerView, FitContext, PoisoningAttacker, Profiles, Recommender, Sanitizer, Verdict
from recbench.contracts import Scorer as Fitted
from recbench.data.interactions import Interactions


def unseeded() -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(os.urandom(8), "little"))


@dataclass(frozen=True)
class Wanders(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Fitted:
        return Counts(unseeded().random(train.n_items, np.float32))


@dataclass(frozen=True)
class FitsOnce(Recommender):
    """Fits each data once, and leaves a mark in the folder."""

    folder: str = "."

    def fit(self, train: Interactions, ctx: FitContext) -> Fitted:
        (Path(self.folder) / f"fitted-{hash((train.users.tobytes(), train.items.tobytes()))}").touch(exist_ok=False)
        return Counts(train.item_counts.astype(np.float32))


@dataclass(frozen=True)
class FillsAnyhow(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        profiles = fill(view)
        order = unseeded().permutation(profiles.indptr[1])
        items = profiles.items.copy()
        items[: len(order)] = items[order]
        return Profiles(profiles.indptr, items, profiles.ratings)


@dataclass(frozen=True)
class Guesses(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(unseeded().random(train.n_users), np.ones(train.n_users, dtype=bool))
