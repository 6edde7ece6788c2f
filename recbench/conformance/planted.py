"""Planted tasks: data whose right answers the harness knows and no plugin is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import RatingScale, Scorer, derive_seed, numpy_rng
from recbench.data import Catalog, Interactions

SCALE = RatingScale(1, 5, 1)
THINGS = ("lamp", "river", "engine", "violin", "bread", "castle", "shoe", "planet")
COLOURS = ("red", "golden", "broken", "quiet", "frozen", "heavy", "ancient", "tiny")


def hidden_seed(*names: str | int) -> int:
    """A seed of a planted task; what a plugin is given as its own seed is never derived from it."""
    return derive_seed(0x5EED, "planted", *names)


@dataclass(frozen=True, eq=False)
class Preferences:
    """Users who like one block of items each.

    Args:
        train: what they have shown of it; ratings are 4 or 5 inside the block and 1 or 2 outside.
        wanted: bool [n_users, n_items], the items of a user's block that are not in `train`: what a
            recommender must give.
    """

    train: Interactions
    wanted: NDArray[np.bool_]

    def quality(self, scorer: Scorer) -> float:
        """The share of wanted items among as many recommended ones, the mean over users; chance is 1/blocks or less."""
        scores = scores_of(scorer, self.train.n_users)
        scores[self.train.csr.toarray() > 0] = -np.inf
        places = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
        asked = self.wanted.sum(axis=1)
        hits = (self.wanted & (places < asked[:, None])).sum(axis=1)
        return float((hits[asked > 0] / asked[asked > 0]).mean())


def preference_blocks(
    name: str | int, n_users: int = 120, block: int = 15, blocks: int = 4, shown: int = 8, first: int | None = None
) -> Preferences:
    """Each user shows `shown` of the items of one block, after one item from elsewhere.

    Which users and which items belong together is drawn by lot, so ids say nothing.

    Args:
        name: of the draw.
        n_users, block, blocks: sizes; there are `block * blocks` items.
        shown: items of the block in the data of a user, clicked in an order drawn by lot.
        first: train on the first so many of them only; `wanted` stays the same.
    """
    rng = numpy_rng(hidden_seed("blocks", name))
    n_items = block * blocks
    owner = rng.permutation(np.arange(n_users) % blocks)
    items = rng.permutation(n_items).reshape(blocks, block)
    inside = np.take_along_axis(items[owner], rng.permuted(np.tile(np.arange(block), (n_users, 1)), axis=1), axis=1)
    outside = items[(owner + rng.integers(1, blocks, n_users)) % blocks, rng.integers(block, size=n_users)]
    wanted = np.zeros((n_users, n_items), dtype=np.bool_)
    np.put_along_axis(wanted, inside[:, shown:], True, axis=1)
    kept = shown if first is None else first
    clicked = np.concatenate([outside[:, None], inside[:, :kept]], axis=1)
    rated = np.concatenate([rng.integers(1, 3, (n_users, 1)), rng.integers(4, 6, (n_users, kept))], axis=1)
    users = np.repeat(np.arange(n_users), kept + 1)
    return Preferences(interactions(users, clicked.ravel(), n_users, n_items, rated.ravel().astype(np.float32)), wanted)


def titled(n_items: int) -> Catalog:
    """Items of other titles each, which say nothing of who likes them: blocks are drawn by lot."""
    things, colours = len(THINGS), len(COLOURS)
    words = [(COLOURS[k % colours], THINGS[k // colours % things], str(k)) for k in range(n_items)]
    return Catalog(titles=tuple(map(" ".join, words)))


def interactions(
    users: NDArray[np.integer],
    items: NDArray[np.integer],
    n_users: int,
    n_items: int,
    ratings: NDArray[np.float32] | None = None,
) -> Interactions:
    """Interactions of ids of any integer type."""
    return Interactions(users.astype(np.int32), items.astype(np.int32), n_users, n_items, ratings)


def scores_of(scorer: Any, n_users: int) -> NDArray[np.float64]:
    """All scores as doubles, [n_users, n_items], wherever they live."""
    scores = scorer.score(np.arange(n_users, dtype=np.int32))
    scores = scores.detach().cpu().numpy() if hasattr(scores, "detach") else np.asarray(scores)
    return np.array(scores, dtype=np.float64)
